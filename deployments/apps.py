from __future__ import annotations

from django.apps import AppConfig

from pulseops.core.extensions import SERVICE_PANELS, TIMELINE_MARKS


class DeploymentsConfig(AppConfig):
    name = "deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models are there only now.
        from deployments.panels import github_panel  # noqa: PLC0415
        from deployments.timeline import deployment_marks  # noqa: PLC0415

        SERVICE_PANELS.add(github_panel)
        TIMELINE_MARKS.add(deployment_marks)
