"""The addresses of the cron endpoints."""

from __future__ import annotations

from django.urls import path

from pulseops.cron import views

app_name = "cron"
urlpatterns = [
    path("api/internal/cron/evaluate", views.evaluate, name="evaluate"),
    path("api/internal/cron/notifications", views.notifications, name="notifications"),
    path("api/internal/cron/cleanup", views.cleanup, name="cleanup"),
    path("api/v1/rules/evaluate", views.rules_evaluate, name="rules_evaluate"),
    path("api/v1/notifications/process", views.notifications_process, name="notifications_process"),
    path("api/internal/logs/cleanup", views.logs_cleanup, name="logs_cleanup"),
]
