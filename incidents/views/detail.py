"""One incident: its page, the parts of it that follow what happens, and all of it as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.tenancy import OrgRequest, org_member
from deployments.models import Deployment
from deployments.queries import deployments_between
from incidents import queries
from incidents.evidence import Charted, DeploymentFact, Evidence
from incidents.forms import AssigneeForm, CauseForm, NoteForm, SeverityForm, SnoozeForm
from incidents.links import sample_url, window_url
from incidents.markdown import Report, name_of_channel
from incidents.models import Incident, IncidentEvent
from incidents.record import POSTMORTEM
from incidents.transitions import next_move
from notifications.models import Job
from notifications.queries import messages_about
from pulseops.core.extensions import INCIDENT_PANELS, Panel
from pulseops.core.ui.folding import Folded

_BEFORE = timedelta(hours=1)  # that a deployment may have ended before what it broke
_DEPLOYMENTS = 8
_SHOWN, _ENTRIES = 20, 80  # entries of the timeline: at once, and on the page at all
_MARKDOWN_ENTRIES, _MARKDOWN_CHARACTERS = 5_000, 1_000_000  # of the timeline: more would take a second to write
_CHANNELS = 12


@dataclass(frozen=True, slots=True)
class ChannelMessages:
    """What one channel was sent, oldest first."""

    name: str
    jobs: Sequence[Job]

    @property
    def error(self) -> str:
        """Why the last one was not sent; "" if it was, or is on its way."""
        last = self.jobs[-1]
        return "" if last.sent_at else last.last_error or ""


@require_safe
@org_member
def incident_detail(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Show one incident: what changed, evidence, timeline, facts."""
    return render_detail(request, find_incident(request, incident_id), NoteForm())


@require_safe
@org_member
def incident_parts(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Return the parts of the page that change while people work on the incident, each to be put into its place."""
    return render_parts(request, find_incident(request, incident_id))


@require_safe
@org_member
def incident_markdown(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Return all of it as Markdown."""
    incident = find_incident(request, incident_id)
    events, left_out = queries.entries_within(incident, limit=_MARKDOWN_ENTRIES, characters=_MARKDOWN_CHARACTERS)
    report = Report(
        incident,
        events,
        Evidence.from_json(incident.evidence_json),
        _deployments(incident),
        list(messages_about(request.org, incident.pk)),
        [panel.words for panel in _panels(request, incident) if panel.words],
        left_out,
    )
    response = HttpResponse(report.as_markdown(), content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="incident-{incident.pk}.md"'
    return response


def render_detail(request: OrgRequest, incident: Incident, note_form: NoteForm, *, status: int = 200) -> HttpResponse:
    """Show `incident` with a note that is being written."""
    evidence = Evidence.from_json(incident.evidence_json)
    values = {
        **_moving(request, incident, evidence),
        "samples": [(line, sample_url(line)) for line in evidence.samples] if evidence else [],
        "charted": Charted.of(evidence),
        "chart": queries.evidence_chart(incident, evidence),
        "logs_url": window_url(incident, evidence),
        "note_form": note_form,
    }
    return render(request, "incidents/detail.html", values, status=status)


def render_parts(request: OrgRequest, incident: Incident, *, triggers: Mapping[str, Any] | None = None) -> HttpResponse:
    """Return the parts of the page that change; `triggers` are events for the page's scripts."""
    values = _moving(request, incident, Evidence.from_json(incident.evidence_json))
    response = render(request, "incidents/_parts.html", values)
    if triggers:
        response["HX-Trigger"] = json.dumps(triggers)
    return response


def find_incident(request: OrgRequest, incident_id: int) -> Incident:
    """Return an incident of the reader's organisation, or raise Http404."""
    rows = Incident.objects.for_org(request.org).select_related("org", "service", "environment", "assignee")
    return get_object_or_404(rows, pk=incident_id)


def _moving(request: OrgRequest, incident: Incident, evidence: Evidence | None) -> dict[str, Any]:
    """Return what the parts show that follow what happens."""
    events = queries.timeline(incident, limit=_ENTRIES + 1)
    deployments = _deployments(incident)
    suspect = evidence.deployment if evidence else None
    return {
        "incident": incident,
        "evidence": evidence,
        "events": Folded.of(events[:_ENTRIES], _SHOWN),
        "has_more_events": len(events) > _ENTRIES,
        "repeated_before": _repeated_before(incident, events),
        "suspect": suspect,
        "deployments": _beside(suspect, deployments),
        "told": _by_channel(list(messages_about(request.org, incident.pk))),
        "panels": _panels(request, incident),
        "is_unheard": incident.is_live and not queries.is_heard(incident),
        "move": next_move(incident.status),
        "cause_form": CauseForm(initial={"cause": incident.cause}, auto_id="resolve_%s"),
        "has_postmortem": any(getattr(incident, name) for name in POSTMORTEM if name != "description"),
        "snooze_form": SnoozeForm(is_admin=request.membership.is_admin),
        "severity_form": SeverityForm(initial={"severity": incident.severity}),
        "assignee_form": AssigneeForm(org=request.org, initial={"assignee": incident.assignee_id}),
    }


def _panels(request: OrgRequest, incident: Incident) -> list[Panel]:
    return [panel for ask in INCIDENT_PANELS if (panel := ask(request, incident))]


def _repeated_before(incident: Incident, events: Sequence[IncidentEvent]) -> int:
    """Return the id of the event above which the row of repeated detections stands: the newest that is not later."""
    last = incident.last_seen_at
    return next((event.pk for event in events if last and event.at <= last), 0)


def _deployments(incident: Incident) -> list[Deployment]:
    """Return the first deployments from an hour before the start until the end: what broke it, what fixed it."""
    until = incident.resolved_at or timezone.now()
    scope = {"services": [incident.service_id], "environments": [incident.environment_id]}
    return list(deployments_between(incident.org, incident.created_at - _BEFORE, until, **scope)[:_DEPLOYMENTS])


def _beside(suspect: DeploymentFact | None, deployments: Sequence[Deployment]) -> list[Deployment]:
    """Return the deployments that the suspected one does not say already."""
    return [each for each in deployments if suspect is None or each.pk != suspect.id]


def _by_channel(jobs: Sequence[Job]) -> Folded[ChannelMessages]:
    """Put together what each channel was sent; `jobs` are newest first."""
    channels: dict[Any, list[Job]] = {}
    for job in reversed(jobs):
        channels.setdefault(job.channel_id, []).append(job)
    return Folded.of([ChannelMessages(name_of_channel(jobs[0]), jobs) for jobs in channels.values()], _CHANNELS)
