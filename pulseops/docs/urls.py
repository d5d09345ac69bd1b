from __future__ import annotations

from django.urls import path

from pulseops.docs import views

app_name = "docs"
urlpatterns = [
    path("docs", views.bare, name="bare"),
    path("docs/", views.index, name="index"),
    path("docs/images/<slug:name>.png", views.image, name="image"),
    path("docs/<slug:slug>", views.page, name="page"),
]
