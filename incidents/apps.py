from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from accounts.audit.descriptions import PHRASES
from notifications.routing import PAST_SUBJECTS
from pulseops.core.extensions import DEPLOYMENT_PANELS, NAV, SERVICE_PANELS, SERVICE_TROUBLES, TIMELINE_MARKS, NavEntry

_PHRASES = {
    "incident.created": "opened the incident",
    "incident.investigating": "acknowledged the incident",
    "incident.escalated": "raised the severity of the incident",
    "incident.severity": "lowered the severity of the incident",
    "incident.edited": "edited the incident",
    "incident.postmortem": "wrote the post-mortem of the incident",
    "incident.note": "wrote a note on the incident",
    "incident.reminded": "escalated the incident",
    "incident.snoozed": "snoozed the incident",
    "incident.unsnoozed": "ended the snoozing of the incident",
    "maintenance.started": "started maintenance of",
    "maintenance.ended": "ended maintenance of",
    "escalation.set": "set the escalation of",
    "escalation.removed": "removed the escalation of",
}


class IncidentsConfig(AppConfig):
    name = "incidents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        NAV.add(
            NavEntry(30, "Incidents", "incidents:list", "incident", "i"),
            NavEntry(95, "Escalation", "incidents:escalation", "arrow-up", settings=True),
        )
        PHRASES.update(_PHRASES)
        # Models are there only now.
        from incidents.routing import past_subjects  # noqa: PLC0415
        from incidents.timeline import deployment_panel, incident_marks, service_panel, service_troubles  # noqa: PLC0415

        SERVICE_PANELS.add(service_panel)
        DEPLOYMENT_PANELS.add(deployment_panel)
        SERVICE_TROUBLES.add(service_troubles)
        import_module("incidents.quotas")
        TIMELINE_MARKS.add(incident_marks)
        PAST_SUBJECTS.add(past_subjects)
