"""Which messages a channel gets, and when: filters, and quiet hours in a zone.

A channel without a filter gets everything. What comes in quiet hours is held until they end, and is one digest then;
severities that break through go at once, and with them what was held about the same incident, so that the order stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pulseops.core.extensions import ExtensionPoint

EVENTS = {
    "created": "opened",
    "investigating": "acknowledged",
    "resolved": "resolved",
    "reopened": "reopened",
    "escalated": "escalated",
    "note": "notes",
}
_LIKE = {
    "unwatched": "escalated",
    "reminded": "escalated",
    "flapping": "reopened",
}  # events that no one chooses by themselves


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about, as channels choose by it. None is not known: of a rule for any service, say."""

    event: str
    severity: str | None = None
    service_id: str | None = None
    environment: str | None = None
    rule_id: int | None = None
    is_of_rule: bool = True  # False: opened manually, so a channel that chooses rules does not want it


@dataclass(frozen=True, slots=True)
class PastSubject:
    """An incident of the last days, to show what a channel would have got."""

    title: str
    url: str
    at: datetime
    subject: Subject


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `since` to `until` of each day in `zone`, over midnight if `until` is not later; some severities pass."""

    zone: str
    since: time
    until: time
    passing: frozenset[str] = frozenset()

    def end_after(self, at: datetime) -> datetime | None:
        """Return when the quiet hours end that `at` is in, None if it is in none. Summer time is minded."""
        zone = ZoneInfo(self.zone)
        local = at.astimezone(zone)
        for days in (-1, 0):
            start = datetime.combine(local.date() + timedelta(days=days), self.since, zone)
            end = datetime.combine(start.date() + timedelta(days=int(self.until <= self.since)), self.until, zone)
            if start.astimezone(UTC) <= at < end.astimezone(UTC):
                return end.astimezone(UTC)
        return None


@dataclass(frozen=True, slots=True)
class Routing:
    """What a channel wants; an empty filter is everything."""

    severities: frozenset[str] = field(default=frozenset())
    services: frozenset[str] = field(default=frozenset())
    environments: frozenset[str] = field(default=frozenset())
    rules: frozenset[int] = field(default=frozenset())
    events: frozenset[str] = field(default=frozenset())
    quiet: QuietHours | None = None

    @classmethod
    def from_json(cls, data: Any) -> Routing:
        """Read the column; what cannot be read filters nothing, so no message is lost by it."""
        given = data if isinstance(data, dict) else {}
        names = {name: frozenset(map(str, _list(given.get(name)))) for name in _TEXTS}
        rules = frozenset(each for each in _list(given.get("rules")) if isinstance(each, int))
        return cls(**names, rules=rules, quiet=_quiet(given.get("quiet")))

    def to_json(self) -> dict[str, Any]:
        """Return it as the column keeps it, without what filters nothing."""
        filters = {name: sorted(getattr(self, name)) for name in (*_TEXTS, "rules") if getattr(self, name)}
        if self.quiet is None:
            return filters
        quiet = {"zone": self.quiet.zone, "since": f"{self.quiet.since:%H:%M}", "until": f"{self.quiet.until:%H:%M}"}
        return {**filters, "quiet": {**quiet, "passing": sorted(self.quiet.passing)}}

    def wants(self, subject: Subject) -> bool:
        """Return whether the channel wants to hear of it; what is not known of it counts as wanted."""
        event = _LIKE.get(subject.event, subject.event)
        rule = subject.rule_id in self.rules or (subject.rule_id is None and subject.is_of_rule)
        return all(
            [
                not self.events or event in self.events,
                _holds(self.severities, subject.severity),
                _holds(self.services, subject.service_id),
                _holds(self.environments, subject.environment),
                not self.rules or rule,
            ]
        )

    def held_until(self, subject: Subject, at: datetime) -> datetime | None:
        """Return until when quiet hours hold a message back, None if they do not."""
        if self.quiet is None or subject.severity in self.quiet.passing:
            return None
        return self.quiet.end_after(at)

    @property
    def words(self) -> str:
        """What it comes to, short, for a column of the list."""
        parts = []
        if self.severities:
            words = [each for each in ("low", "med", "high") if each in self.severities]
            parts.append("/".join(words).replace("med", "medium"))
        for count, word in ((len(self.services), "service"), (len(self.rules), "rule")):
            parts += [f"{count} {word}{'' if count == 1 else 's'}"] if count else []
        parts += sorted(self.environments)[:2] + (["…"] if len(self.environments) > 2 else [])
        if self.events:
            parts.append(", ".join(EVENTS[each] for each in EVENTS if each in self.events))
        if self.quiet:
            parts.append(f"quiet {self.quiet.since:%H:%M} to {self.quiet.until:%H:%M}")
        return " · ".join(parts) or "everything"


_TEXTS = ("severities", "services", "environments", "events")


def _holds(wanted: frozenset[str], value: str | None) -> bool:
    return not wanted or value is None or value in wanted


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _quiet(given: Any) -> QuietHours | None:
    try:
        ZoneInfo(given["zone"])
        since, until = time.fromisoformat(given["since"]), time.fromisoformat(given["until"])
        return QuietHours(given["zone"], since, until, frozenset(map(str, _list(given.get("passing")))))
    except (TypeError, KeyError, ValueError, OSError):
        return None


# (accounts.Org) -> its rules as (id, name), for the form.
RULE_CHOICES: ExtensionPoint[Callable[[Any], Sequence[tuple[int, str]]]] = ExtensionPoint()

# (accounts.Org) -> what was opened in the last week, latest first, to show what a channel would have got.
PAST_SUBJECTS: ExtensionPoint[Callable[[Any], Sequence[PastSubject]]] = ExtensionPoint()
