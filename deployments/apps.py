from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from pulseops.core.extensions import MEMBER_SECRETS, NAV, SERVICE_PANELS, TIMELINE_MARKS, NavEntry


class DeploymentsConfig(AppConfig):
    name = "deployments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(40, "Deployments", "deployments:list", "deploy", "p"),
        )
        # Models are there only now.
        from deployments.member_secrets import MEMBER_WEBHOOKS  # noqa: PLC0415
        from deployments.panels import deployments_panel, github_panel  # noqa: PLC0415
        from deployments.timeline import deployment_marks  # noqa: PLC0415

        MEMBER_SECRETS.add(MEMBER_WEBHOOKS)
        SERVICE_PANELS.add(deployments_panel, github_panel)
        TIMELINE_MARKS.add(deployment_marks)
        import_module("deployments.quotas")
