from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from notifications.routing import RULE_CHOICES
from pulseops.core.extensions import AFTER_DEPLOYMENT, AFTER_INGEST, INCIDENT_PANELS, NAV, NavEntry


class AlertsConfig(AppConfig):
    name = "alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(50, "Alerts", "alerts:list", "bell", "a"),
        )
        from alerts import hooks, panels  # noqa: PLC0415  # models are not loaded at import time

        AFTER_INGEST.add(hooks.after_ingest)
        AFTER_DEPLOYMENT.add(hooks.after_deployment)
        INCIDENT_PANELS.add(panels.rule_panel)
        from alerts.routing import rule_choices  # noqa: PLC0415

        RULE_CHOICES.add(rule_choices)
        import_module("alerts.quotas")
