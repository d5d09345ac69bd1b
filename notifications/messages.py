"""What a message says, whatever the channel; each kind of channel puts it into its own form (channels/)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from django.conf import settings

from pulseops.core.web.numbers import whole_number

_WORDS = {
    "incident.created": "Incident opened",
    "incident.investigating": "Acknowledged",
    "incident.resolved": "Resolved",
    "incident.reopened": "Reopened",
    "incident.escalated": "Escalated",
    "incident.unwatched": "No longer resolved automatically",
    "incident.note": "Note",
    "incident.flapping": "Reopened again and again",
    "incident.reminded": "Not acknowledged yet",
    "channel.test": "Test message",
}
_SYMBOLS = {
    "incident.created": "🔴",
    "incident.investigating": "🟡",
    "incident.resolved": "🟢",
    "incident.reopened": "🔴",
    "incident.escalated": "🔺",
    "incident.unwatched": "🟡",
    "incident.note": "📝",
    "incident.flapping": "🔁",
    "incident.reminded": "⏰",
    "channel.test": "🔔",
}
_SEVERITIES = {"low": "low", "med": "medium", "high": "high"}
LISTED = 20  # incidents that a digest names; the rest it counts
LINES = 3  # of a log that a message quotes
_TITLE, _TEXT, _PATH, _LINE = 150, 1200, 800, 240  # characters
_IN_PATHS = "/?=&%#:@+,;-._~"  # what stands as it is; brackets and bars would end a link in a message
# Control characters, and those that turn the direction of the text around them.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")
# Where mail programs and chats begin to see an address in plain text.
_ADDRESS_LIKE = re.compile(r"://|(?<=\w)[.@](?=[^\W\d_])")


def heading(event: str) -> str:
    """Say in words what a message tells of, also of an event of other software."""
    return _WORDS.get(event, event.replace(".", " ").replace("_", " "))


class Fact(NamedTuple):
    """A name and what it is; with `at` it is a time, which kinds of channels show in each reader's zone if they can."""

    name: str
    text: str
    at: datetime | None = None


class Link(NamedTuple):
    """A page of ours; `path` begins with a slash."""

    label: str
    path: str

    @property
    def url(self) -> str:
        """The absolute address, "" if the path is none or too long."""
        return absolute(self.path)


@dataclass(frozen=True, slots=True)
class Notice:
    """One event in a message. `path` begins with a slash and becomes a link; `lines` are quoted from a log."""

    event: str
    title: str
    severity: str = ""
    scope: str = ""
    text: str = ""
    path: str = ""
    facts: tuple[Fact, ...] = field(default=())
    pattern: str = ""
    lines: tuple[str, ...] = field(default=())
    links: tuple[Link, ...] = field(default=())
    subject_id: int | None = None
    reply: str = ""  # the signed part of the link that acknowledges
    status: str = ""  # as it is stored: open, investigating or resolved
    at: datetime | None = None  # when it happened
    recipients: tuple[str, ...] = field(default=())  # who still has to get it where others have; else empty

    @classmethod
    def from_payload(cls, event: str, payload: Any) -> Notice:
        """Read a job's payload, also what other software wrote; what is missing or of another type is left out."""
        given = payload if isinstance(payload, dict) else {}
        return cls(
            event=event,
            title=_cut(given.get("title") or "", _TITLE) or "Untitled",
            severity=_SEVERITIES.get(str(given.get("severity")), ""),
            scope=_cut(given.get("scope") or "", 200),
            text=_cut(given.get("text") or "", _TEXT),
            path=str(given.get("path") or ""),
            facts=tuple(_fact(name, value) for name, value in _pairs(given.get("facts"))[:8]),
            pattern=plain_line(str(given.get("pattern") or "")),
            lines=tuple(plain_line(str(each)) for each in _list(given.get("lines"))[:LINES] if str(each).strip()),
            links=tuple(Link(_cut(label, 30), str(path)) for label, path in _pairs(given.get("links"))[:4]),
            subject_id=given["incident_id"] if isinstance(given.get("incident_id"), int) else None,
            status=str(given.get("status") or "")[:30],
            at=_moment(given.get("at")),
            recipients=tuple(str(each) for each in _list(given.get("recipients"))),
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
    def subject_key(self) -> str:
        """What the incident is called at other services, the same in all messages about it; "" if it is about none."""
        host = urlsplit(settings.PUBLIC_URL).netloc
        return f"pulseops:{host}:incident:{self.subject_id}" if self.subject_id is not None else ""

    @property
    def link(self) -> str:
        """The absolute address, or nothing."""
        return absolute(self.path)

    @property
    def where(self) -> str:
        """The scope, unless the title says it."""
        return "" if self.scope in self.title else self.scope

    @property
    def quoted(self) -> tuple[str, ...]:
        """The pattern and the lines of the log, in this order; each is one line of printable text."""
        return (self.pattern, *self.lines) if self.pattern else self.lines

    @property
    def actions(self) -> tuple[Link, ...]:
        """Where the reader may go, the page itself first; only what has an address."""
        return tuple(each for each in (Link("Open", self.path), *self.links) if each.url)


def subject_of_key(key: str) -> int | None:
    """Return the incident that Notice.subject_key names; None for a key that is not of this installation."""
    before = f"pulseops:{urlsplit(settings.PUBLIC_URL).netloc}:incident:"
    return whole_number(key.removeprefix(before)) if key.startswith(before) else None


def absolute(path: str) -> str:
    """Return the address of a page of ours, "" if `path` is none or too long."""
    if not path.startswith("/") or len(path) > _PATH:
        return ""
    return f"{settings.PUBLIC_URL}{quote(path, safe=_IN_PATHS)}"


def plain_line(text: str) -> str:
    """Return `text`, which a program logged, as one short line without control characters."""
    return _cut(_UNPRINTABLE.sub(" ", text[: 4 * _LINE]), _LINE)


def unlinked(text: str) -> str:
    """Return `text` so that no reader's program makes a link or a mention of a part: a space of no width is within."""
    return _ADDRESS_LIKE.sub(lambda match: f"{match[0][0]}\u200b{match[0][1:]}", text)


def utc(at: datetime) -> str:
    """Say a time where the reader's own is not known."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _fact(name: Any, value: Any) -> Fact:
    if isinstance(value, dict):
        at = _moment(value.get("at"))
        return Fact(_cut(name, 60), utc(at) if at else "", at)
    return Fact(_cut(name, 60), _cut(value, 120))


def _moment(given: Any) -> datetime | None:
    """Read a time with its zone; None for anything else."""
    try:
        at = datetime.fromisoformat(str(given))
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    return [
        (pair[0], pair[1]) for pair in _list(given) if isinstance(pair, list) and len(pair) == 2 and _cut(pair[0], 9)
    ]


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _cut(value: Any, limit: int) -> str:
    text = str(value).strip() if limit == _TEXT else " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain_text(notices: Sequence[Notice]) -> str:
    """Say it in one line: what a phone's lock screen shows."""
    first = notices[0]
    line = f"{first.headline}: {first.title}"
    if first.where:
        line += f" ({first.where})"
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
