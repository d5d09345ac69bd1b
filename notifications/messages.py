"""What a message says, whatever the channel; each kind of channel puts it into its own form (channels/)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.conf import settings

_WORDS = {
    "incident.created": "Incident opened",
    "incident.investigating": "Acknowledged",
    "incident.resolved": "Resolved",
    "incident.reopened": "Reopened",
    "incident.escalated": "Escalated",
    "incident.unwatched": "No longer resolved automatically",
    "channel.test": "Test message",
}
_SYMBOLS = {
    "incident.created": "🔴",
    "incident.investigating": "🟡",
    "incident.resolved": "🟢",
    "incident.reopened": "🔴",
    "incident.escalated": "🔺",
    "incident.unwatched": "🟡",
    "channel.test": "🔔",
}
_SEVERITIES = {"low": "low", "med": "medium", "high": "high"}
LISTED = 20  # incidents that a digest names; the rest it counts
_TITLE, _TEXT, _PATH = 150, 1200, 500  # characters
_IN_PATHS = "/?=&%#:@+,;-._~"  # what stands as it is; brackets and bars would end a link in a message


def heading(event: str) -> str:
    """Say in words what a message tells of, also of an event of other software."""
    return _WORDS.get(event, event.replace(".", " ").replace("_", " "))


@dataclass(frozen=True, slots=True)
class Notice:
    """One event in a message. `path` begins with a slash and becomes a link; `facts` are pairs of name and value."""

    event: str
    title: str
    severity: str = ""
    scope: str = ""
    text: str = ""
    path: str = ""
    facts: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def from_payload(cls, event: str, payload: Any) -> Notice:
        """Read a job's payload, also what other software wrote; what is missing or of another type is left out."""
        given = payload if isinstance(payload, dict) else {}
        facts = given.get("facts")
        pairs = [pair for pair in facts if isinstance(pair, list) and len(pair) == 2] if isinstance(facts, list) else []
        return cls(
            event=event,
            title=_cut(given.get("title") or "", _TITLE) or "Untitled",
            severity=_SEVERITIES.get(str(given.get("severity")), ""),
            scope=_cut(given.get("scope") or "", 200),
            text=_cut(given.get("text") or "", _TEXT),
            path=str(given.get("path") or ""),
            facts=tuple((_cut(name, 60), _cut(value, 120)) for name, value in pairs[:8] if _cut(name, 60)),
        )

    @property
    def word(self) -> str:
        """What happened."""
        return heading(self.event)

    @property
    def headline(self) -> str:
        """What happened and how bad it is."""
        return f"{self.word} · {self.severity}" if self.severity else self.word

    @property
    def symbol(self) -> str:
        """A coloured sign beside the word."""
        return _SYMBOLS.get(self.event, "🔔")

    @property
    def link(self) -> str:
        """The absolute address, or nothing."""
        if not self.path.startswith("/") or len(self.path) > _PATH:
            return ""
        return f"{settings.PUBLIC_URL}{quote(self.path, safe=_IN_PATHS)}"


def _cut(value: Any, limit: int) -> str:
    text = " ".join(str(value).split()) if limit <= _TITLE else str(value).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain_text(notices: Sequence[Notice]) -> str:
    """Say it in one line: what a phone's lock screen shows."""
    first = notices[0]
    line = f"{first.headline}: {first.title}"
    if first.scope:
        line += f" ({first.scope})"
    return line if len(notices) == 1 else f"{count_of(notices)}: {line} and {len(notices) - 1} more"


def count_of(notices: Sequence[Notice]) -> str:
    """Say how many a digest holds."""
    return f"{len(notices)} updates on incidents"


def rest_of(notices: Sequence[Notice], named: int) -> str:
    """Say how many a digest does not name beside the first `named`, and where they are; "" if it names all."""
    more = len(notices) - named
    return f"and {more} more: {settings.PUBLIC_URL}/incidents" if more > 0 else ""


def fit(text: str, limit: int, escape: Callable[[str], str]) -> str:
    """Return `text` escaped, cut to at most `limit` characters as they are sent; no escape is cut in two.

    `escape` works character by character.
    """
    escaped = escape(text)
    if len(escaped) <= limit:
        return escaped
    kept, size = [], 1  # the ellipsis
    for each in map(escape, text):
        size += len(each)
        if size > limit:
            break
        kept.append(each)
    return "".join(kept).rstrip() + "…"
