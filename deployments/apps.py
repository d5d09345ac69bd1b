from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from pulseops.core.extensions import NAV, SERVICE_PANELS, TIMELINE_MARKS, NavEntry


class DeploymentsConfig(AppConfig):
    name = "deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(40, "Deployments", "deployments:list", "deploy", "p"),
        )
        # Models are there only now.
        from deployments.panels import github_panel  # noqa: PLC0415
        from deployments.timeline import deployment_marks  # noqa: PLC0415

        SERVICE_PANELS.add(github_panel)
        TIMELINE_MARKS.add(deployment_marks)
        import_module("deployments.quotas")
