"""Reading incidents: the list, one of them."""

from __future__ import annotations

from collections.abc import Sequence
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
from incidents.evidence import Charted, Evidence
from incidents.filters import LIVE, Filters, read_filters
from incidents.forms import AssigneeForm, NoteForm, SeverityForm, SnoozeForm
from incidents.groups import grouped
from incidents.links import sample_url, window_url
from incidents.markdown import as_markdown
from incidents.models import Incident, IncidentEvent, Severity
from incidents.transitions import next_move
from notifications.queries import messages_about
from pulseops.core.extensions import INCIDENT_PANELS, Panel
from pulseops.core.ui.folding import Folded
from services.queries import environment_names, services_of

_BEFORE = timedelta(hours=1)  # that a deployment may have ended before what it broke
_DEPLOYMENTS = 8
_TABS = ((LIVE, "Live"), ("open", "Open"), ("investigating", "Acknowledged"), ("resolved", "Resolved"), ("all", "All"))
_NOTHING = {
    "open": ("Nothing waits", "Every incident has been acknowledged or resolved."),
    "investigating": (
        "No acknowledged incident",
        "Incidents are listed here from acknowledgement until they are resolved.",
    ),
    "resolved": ("No resolved incident", "Resolved incidents are listed here with their timelines."),
    "all": ("No incident yet", "Alert rules open incidents automatically; members can also open one manually."),
}


@require_safe
@org_member
def incident_list(request: OrgRequest) -> HttpResponse:
    """Show the incidents of a state, narrowed by the address."""
    services = list(services_of(request.org))
    filters = read_filters(request.GET, services, request.user)
    before = request.GET.get("before", "")
    page = queries.page_of_incidents(request.org, filters, before)
    values = {
        "filters": filters,
        "page": page,
        "groups": grouped(page.rows),
        "tabs": _tabs(filters, queries.counts_by_state(request.org, filters)),
        "services": services,
        "environments": environment_names(request.org),
        "severities": Severity.choices,
        "sources": Incident.Source.choices,
        "newer_url": filters.url() if before else "",
        "older_url": filters.url(before=page.older) if page.older else "",
        "reset_url": Filters(state=filters.state).url(),
        "can_choose": request.membership.is_developer and filters.state != "resolved",
        "nothing": _NOTHING.get(filters.state),
    }
    return render(request, "incidents/list.html", values)


def _tabs(filters: Filters, counts: Any) -> list[dict[str, Any]]:
    counts = {**counts, "all": counts[LIVE] + counts["resolved"]}
    return [
        {
            "label": label,
            "url": filters.url(state=state),
            "is_current": state == filters.state,
            "count": counts[state],
        }
        for state, label in _TABS
    ]


@require_safe
@org_member
def incident_detail(request: OrgRequest, incident_id: int) -> HttpResponse:
    """Show one incident: state, timeline, facts, evidence."""
    return render_detail(request, _incident(request, incident_id), NoteForm())


def render_detail(request: OrgRequest, incident: Incident, note_form: NoteForm, *, status: int = 200) -> HttpResponse:
    """Show `incident` with a note that is being written."""
    evidence = Evidence.from_json(incident.evidence_json)
    events = queries.timeline(incident)
    panels: list[Panel] = [panel for ask in INCIDENT_PANELS if (panel := ask(request, incident))]
    values = {
        "incident": incident,
        "events": Folded.of(events, 20),
        "repeated_before": _repeated_before(incident, events),
        "evidence": evidence,
        "samples": [(line, sample_url(line)) for line in evidence.samples] if evidence else [],
        "charted": Charted.of(evidence),
        "chart": queries.evidence_chart(incident, evidence),
        "logs_url": window_url(incident, evidence),
        "deployments": _deployments(incident),
        "told": Folded.of(list(messages_about(request.org, incident.pk)), 6),
        "panels": panels,
        "is_unheard": incident.is_live and not queries.is_heard(incident),
        "move": next_move(incident.status),
        "note_form": note_form,
        "snooze_form": SnoozeForm(is_admin=request.membership.is_admin),
        "severity_form": SeverityForm(initial={"severity": incident.severity}),
        "assignee_form": AssigneeForm(org=request.org, initial={"assignee": incident.assignee_id}),
        "markdown": as_markdown(incident, events, evidence),
    }
    return render(request, "incidents/detail.html", values, status=status)


def _incident(request: OrgRequest, incident_id: int) -> Incident:
    rows = Incident.objects.for_org(request.org).select_related("org", "service", "environment", "assignee")
    return get_object_or_404(rows, pk=incident_id)


def _repeated_before(incident: Incident, events: Sequence[IncidentEvent]) -> int:
    """Return the id of the event above which the row of repeated detections stands: the newest that is not later."""
    last = incident.last_seen_at
    return next((event.pk for event in events if last and event.at <= last), 0)


def _deployments(incident: Incident) -> list[Deployment]:
    """Return the first deployments from an hour before the start until the end: what broke it, what fixed it."""
    until = incident.resolved_at or timezone.now()
    scope = {"services": [incident.service_id], "environments": [incident.environment_id]}
    return list(deployments_between(incident.org, incident.created_at - _BEFORE, until, **scope)[:_DEPLOYMENTS])
