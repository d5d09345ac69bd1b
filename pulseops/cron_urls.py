"""The addresses of the cron endpoints."""

from __future__ import annotations

from django.urls import path

from pulseops import cron

app_name = "cron"
urlpatterns = [
    path("api/internal/cron/evaluate", cron.evaluate, name="evaluate"),
    path("api/internal/cron/notifications", cron.notifications, name="notifications"),
    path("api/internal/cron/cleanup", cron.cleanup, name="cleanup"),
    path("api/v1/rules/evaluate", cron.rules_evaluate, name="rules_evaluate"),
    path("api/v1/notifications/process", cron.notifications_process, name="notifications_process"),
    path("api/internal/logs/cleanup", cron.logs_cleanup, name="logs_cleanup"),
]
