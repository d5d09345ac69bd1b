from __future__ import annotations

from django.apps import AppConfig

from pulseops.core.extensions import SERVICE_PANELS, TIMELINE_MARKS


class IncidentsConfig(AppConfig):
    name = "incidents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models are there only now.
        from incidents.marks import incident_marks, service_panel  # noqa: PLC0415

        SERVICE_PANELS.add(service_panel)
        TIMELINE_MARKS.add(incident_marks)
