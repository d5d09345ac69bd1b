from __future__ import annotations

from django.apps import AppConfig

from pulseops.core.extensions import RETENTION_LOSSES, SERVICE_PANELS


class LogsConfig(AppConfig):
    name = "logs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from logs.volume import logs_that_would_go, service_panel  # noqa: PLC0415  # models are loaded by now

        SERVICE_PANELS.add(service_panel)
        RETENTION_LOSSES.add(logs_that_would_go)
