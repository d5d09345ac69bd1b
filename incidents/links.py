"""Where an incident's proof can be read in the explorer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from incidents.evidence import Evidence, SampleLine
from incidents.models import Incident
from logs.cursor import LogCursor
from services.links import explorer_url

_AROUND = timedelta(minutes=30)


def sample_url(line: SampleLine) -> str:
    """Return the address of a sample line; the line itself may have been deleted since."""
    return reverse("logs:entry", args=[str(LogCursor(line.ts, line.id))])


def window_url(incident: Incident, evidence: Evidence | None) -> str:
    """Return the explorer at the time around the incident's start, with its scope, level and filter."""
    address = explorer_url(incident.service, incident.environment)
    if evidence and evidence.level:
        address += "+" + urlencode({"": f"level:{evidence.level}"})[1:]
    if evidence and evidence.filter:
        address += "+" + urlencode({"": f"({evidence.filter})"})[1:]
    end = (incident.resolved_at or incident.created_at) + _AROUND
    return f"{address}&{urlencode({'from': _iso(incident.created_at - _AROUND), 'to': _iso(end)})}"


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
