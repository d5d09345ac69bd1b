"""The list of incidents."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.tenancy import OrgRequest, org_member
from incidents import queries
from incidents.filters import LIVE, Filters, read_filters
from incidents.groups import grouped
from incidents.models import Incident, Severity
from services.queries import environment_names, services_of

_TABS = (
    (LIVE, "Active"),
    ("open", "Open"),
    ("investigating", "Acknowledged"),
    ("resolved", "Resolved"),
    ("all", "All"),
)
_NOTHING = {
    "open": ("Nothing waits", "Every incident has been acknowledged or resolved."),
    "investigating": (
        "No acknowledged incident",
        "Incidents are listed here from acknowledgement until they are resolved.",
    ),
    "resolved": ("No resolved incident", "Resolved incidents are listed here with their timelines."),
    "all": (
        "No incident yet",
        "Alert rules open incidents automatically; developers and admins can also open one manually.",
    ),
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
