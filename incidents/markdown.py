"""An incident as Markdown, to paste into a ticket or a review."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from django.conf import settings

from incidents.evidence import Evidence
from incidents.models import Incident, IncidentEvent
from pulseops.core.ui.times import duration


def as_markdown(incident: Incident, events: Iterable[IncidentEvent], evidence: Evidence | None) -> str:
    """Write the incident with its facts, timeline (oldest first) and sample lines; times are UTC."""
    lines = [f"# {_escape(incident.title)}", "", *_facts(incident)]
    if evidence:
        lines.append(f"- Evidence: {_escape(evidence.words)}")
    if incident.description:
        lines += ["", incident.description]
    lines += ["", "## Timeline", ""]
    for event in sorted(events, key=lambda each: (each.at, each.pk)):
        who = event.actor_user.display_name if event.actor_user else "PulseOps"
        lines.append(f"- {_time(event.at)} {_escape(who)}: {_escape(event.message)}")
    if evidence and evidence.samples:
        samples = [f"{_time(s.ts)} {s.level} {s.message}".replace("```", "'''") for s in evidence.samples]
        lines += ["", "## Sample lines", "", "```", *samples, "```"]
    return "\n".join(lines) + "\n"


def _facts(incident: Incident) -> list[str]:
    ended = f", resolved {_time(incident.resolved_at)}" if incident.resolved_at else ""
    lasted = ((incident.resolved_at or datetime.now(UTC)) - incident.created_at).total_seconds()
    return [
        f"- [Incident #{incident.pk}]({settings.PUBLIC_URL}/incidents/{incident.pk}?org={incident.org_id})",
        f"- State: {incident.get_status_display().lower()}, severity {incident.get_severity_display().lower()}",
        f"- Scope: {_escape(incident.service.name)} / {_escape(incident.environment.name)}",
        f"- Opened {_time(incident.created_at)}{ended}, {duration(lasted)}",
    ]


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))
