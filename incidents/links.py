"""Where an incident's proof can be read in the explorer."""

from __future__ import annotations

from datetime import timedelta

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
    words = [f"level:{evidence.level}"] if evidence and evidence.level else []
    words += [f"({evidence.filter})"] if evidence and evidence.filter else []
    return explorer_url(
        incident.service,
        incident.environment,
        words=" ".join(words),
        since=incident.created_at - _AROUND,
        until=(incident.resolved_at or incident.created_at) + _AROUND,
    )
