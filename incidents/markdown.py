"""An incident as Markdown, to paste into a ticket or a review: all that its page says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from deployments.models import Deployment
from incidents.evidence import Evidence
from incidents.models import Incident, IncidentEvent
from notifications.models import Job
from pulseops.core.ui.times import duration, exact, zone_label

_FENCE = re.compile(r" {0,3}(`{3,}+(?!.*`)|~{3,}+)")  # of code, https://spec.commonmark.org/0.31.2/#fenced-code-blocks
_HTML = re.compile(r"<(?=[A-Za-z/!?])")  # an element or comment that is not closed would hide what follows
_ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>#|"})  # quick where a text is nothing but marks


@dataclass(frozen=True, slots=True)
class Report:
    """An incident with all that stands beside it."""

    incident: Incident
    events: Sequence[IncidentEvent]
    evidence: Evidence | None = None
    deployments: Sequence[Deployment] = field(default=())
    messages: Sequence[Job] = field(default=())
    rules: Sequence[str] = field(default=())  # in words
    left_out: int = 0  # entries of the timeline before those of `events`

    def as_markdown(self) -> str:
        """Write it, with the timeline oldest first; times are in the active zone, which each of them names."""
        incident = self.incident
        parts = [
            f"# {_escape(incident.title)}",
            "\n".join(_facts(incident)),
            _section("Summary", _own(incident.description)),
            _section("Impact", _own(incident.impact)),
            _section("Cause", "\n".join(filter(None, [_own(incident.cause), *self._suspects()]))),
            _section("Evidence", "\n".join(self._evidence())),
            _section("Deployments", "\n".join(map(_deployment, self.deployments))),
            _section("Timeline", "\n".join(self._timeline())),
            _section("Follow-ups", "\n".join(_tasks(incident.follow_ups))),
            _section("Notifications", "\n".join(map(_message, reversed(self.messages)))),
        ]
        return "\n\n".join(filter(None, parts)) + "\n"

    def _timeline(self) -> Iterator[str]:
        if self.left_out:
            yield f"- {self.left_out:,} earlier entries are left out here."
        yield from map(_entry, sorted(self.events, key=lambda each: (each.at, each.pk)))

    def _suspects(self) -> Iterator[str]:
        fact = self.evidence.deployment if self.evidence else None
        if fact:
            link = _link(f"{fact.commit_sha[:7]} {fact.title}", f"/deployments/{fact.id}", self.incident)
            verdict = f"; {fact.verdict}" if fact.verdict else ""
            name = "Suspected deployment" if self.evidence and self.evidence.window_minutes else "Deployment"
            yield f"- {name}: {link}, {fact.status} {_time(fact.at)}{verdict}"

    def _evidence(self) -> Iterator[str]:
        yield from (f"- Rule: {_escape(words)}" for words in self.rules)
        if self.evidence is None:
            return
        yield f"- {_escape(self.evidence.words)} Seen at {_time(self.evidence.at)}."
        if self.evidence.filter:
            yield f"- Filter: `{self.evidence.filter.replace('`', chr(39))}`"
        if self.evidence.samples:
            samples = [f"{_time(each.ts)} {each.level} {each.message}" for each in self.evidence.samples]
            yield from ("", "```", *(each.replace("```", "'''") for each in samples), "```")


def _facts(incident: Incident) -> Iterator[str]:
    link = _link(f"Incident #{incident.pk}", f"/incidents/{incident.pk}", incident)
    ended = f", resolved {_time(incident.resolved_at)}" if incident.resolved_at else ""
    yield f"- {link}"
    yield f"- State: {incident.get_status_display().lower()}, severity {incident.get_severity_display().lower()}"
    yield f"- Scope: {_escape(incident.service.name)} / {_escape(incident.environment.name)}"
    yield f"- Opened {_time(incident.created_at)}{ended}"
    yield f"- Duration: {_between(incident.created_at, incident.resolved_at or timezone.now())}"
    if incident.investigating_at:
        yield f"- Acknowledged after {_between(incident.created_at, incident.investigating_at)}"
    if incident.assignee:
        yield f"- Assignee: {_escape(incident.assignee.display_name)}"
    if incident.detections:
        last = f", last {_time(incident.last_seen_at)}" if incident.last_seen_at else ""
        yield f"- Detections: {incident.detections:,}{last}"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _own(text: str | None) -> str:
    """Return what people wrote as Markdown of its own: its headings stand below ours, what it opens ends with it."""
    lines, fence = [], ""
    for line in (text or "").strip().splitlines():
        mark = _FENCE.match(line)
        if fence:
            is_end = mark and mark[1].startswith(fence) and line.strip() == mark[1]
            fence = "" if is_end else fence
        elif mark:
            fence = mark[1]
        else:
            line = _HTML.sub("\\\\<", f"##{line}" if line.startswith("#") else line)
        lines.append(line)
    return "\n".join([*lines, fence] if fence else lines)


def _deployment(deployment: Deployment) -> str:
    link = _link(f"{deployment.short_sha} {deployment.title}", f"/deployments/{deployment.pk}", deployment)
    by = f" by {_escape(deployment.author)}" if deployment.author else ""
    return f"- {_time(deployment.deployed_at)} {link}{by}, {deployment.state_label.lower()}"


def _entry(event: IncidentEvent) -> str:
    who = event.actor_user.display_name if event.actor_user else "PulseOps"
    sent = " (sent to the channels)" if isinstance(event.meta_json, dict) and event.meta_json.get("is_sent") else ""
    first, *more = event.message.splitlines() or [""]
    lines = [f"- {_time(event.at)} {_escape(who)}{sent}: {_escape(first)}"]
    return "\\\n".join([*lines, *(f"  {_escape(each)}" for each in more if each.strip())])


def _tasks(text: str) -> Iterable[str]:
    """Return follow-ups as boxes to tick, unless they are a list already."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (line if line.startswith(("-", "*")) else f"- [ ] {line}" for line in lines)


def _message(job: Job) -> str:
    moment = f" {_time(job.sent_at)}" if job.sent_at else ""
    return f"- {_escape(name_of_channel(job))}: {job.word.lower()}, {job.state_label.lower()}{moment}"


def name_of_channel(job: Job) -> str:
    """Name the channel of a message."""
    return str(job.channel) if job.channel else "a deleted channel"


def _link(text: str, path: str, row: Incident | Deployment) -> str:
    return f"[{_escape(text)}]({settings.PUBLIC_URL}{path}?org={row.org_id})"


def _between(start: datetime, end: datetime) -> str:
    return duration((end - start).total_seconds())


def _time(moment: datetime) -> str:
    return f"{exact(moment)} {zone_label(moment)}"


def _escape(text: str) -> str:
    return " ".join(text.split()).translate(_ESCAPED)
