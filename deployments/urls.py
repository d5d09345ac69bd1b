from __future__ import annotations

from django.urls import URLPattern, path

from deployments import api

app_name = "deployments"
urlpatterns: list[URLPattern] = [
    path("api/v1/github/webhook", api.webhook, name="webhook"),
]
