from __future__ import annotations

from django.urls import path

from incidents import api, service_webhooks, slack
from incidents.notices import REPLY_PATH
from incidents.transitions import Move
from incidents.views import changes, detail, escalation, maintenance, reading, reply

app_name = "incidents"
_INCIDENT = "incidents/<int:incident_id>"
urlpatterns = [
    path("incidents", reading.incident_list, name="list"),
    path("incidents/new", changes.incident_create, name="create"),
    path("incidents/bulk", changes.incident_bulk, name="bulk"),
    path(_INCIDENT, detail.incident_detail, name="detail"),
    path(f"{_INCIDENT}/parts", detail.incident_parts, name="parts"),
    path(f"{_INCIDENT}/markdown", detail.incident_markdown, name="markdown"),
    path(f"{_INCIDENT}/post-mortem", changes.incident_postmortem, name="postmortem"),
    path("incidents/maintenance", maintenance.maintenance, name="maintenance"),
    path("incidents/maintenance/<int:window_id>/end", maintenance.maintenance_end, name="maintenance_end"),
    path("api/v1/slack/<uuid:channel_id>", slack.interaction, name="slack"),
    path("api/v1/channels/<uuid:channel_id>/events", service_webhooks.service_webhook, name="service_webhook"),
    path("api/v1/maintenance", api.maintenance_start, name="maintenance_api"),
    path("api/v1/maintenance/<int:window_id>/end", api.maintenance_end, name="maintenance_api_end"),
    path("settings/escalation", escalation.escalation, name="escalation"),
    path("settings/escalation/<int:policy_id>/delete", escalation.escalation_delete, name="escalation_delete"),
    path(f"{_INCIDENT}/snooze", changes.incident_snooze, name="snooze"),
    path(f"{_INCIDENT}/edit", changes.incident_edit, name="edit"),
    path(f"{_INCIDENT}/notes", changes.incident_note, name="note"),
    path(f"{_INCIDENT}/severity", changes.incident_severity, name="severity"),
    path(f"{_INCIDENT}/assignee", changes.incident_assign, name="assign"),
    path(f"{REPLY_PATH[1:]}<str:token>", reply.reply, name="reply"),
    *(path(f"{_INCIDENT}/{move}", changes.incident_move, {"move": move}, name=move) for move in Move),
]
