"""One log in full: its fields with filters for and against each, its trace, what was deployed near it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from accounts.models import Org
from logs.cursor import LogCursor
from logs.explorer.marker import Marker
from logs.explorer.rows import without_colours
from logs.explorer.stacks import stack_html
from logs.explorer.state import OLDEST, ExplorerState
from logs.search import queries
from logs.search.flat_fields import FlatField, beginning_of, count_fields, flat_fields
from logs.search.operators import Equals
from logs.search.printer import print_query
from logs.search.rewrite import value_of, with_term
from logs.search.rows import LogDetail
from logs.search.session import SearchSession
from logs.search.tree import Everything, Node, Not, conjunction
from pulseops.core.extensions import TIMELINE_MARKS, Mark
from pulseops.core.ui import times
from services.scopes import Scope, Scopes

CONTEXT_ROWS = 50
_AROUND_TRACE = timedelta(hours=1)
_AROUND_LOG = timedelta(minutes=5)
_NEAR = timedelta(hours=2)
_LONG, _HUGE = 40, 600  # characters of a value
_LINES_SHOWN = 20_000  # characters of a value of several lines
_LONGEST = 300  # characters of a value that a link asks for
_MOST_FIELDS = 300  # that the page shows; each costs a row with three links
_LABEL = 40  # characters of a value in what its buttons say
_RAW_FORMATTED, _RAW_SHOWN = 50_000, 100_000  # characters of JSON that are formatted, and shown; all is in `raw_json`


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the log. `with_url` asks for it, `without_url` excludes it; empty where that means nothing."""

    name: str
    value: str
    shown: SafeString  # with what was looked for marked
    with_url: str = ""
    without_url: str = ""
    column_url: str = ""
    term: str = ""  # as the query says that it is so
    without_term: str = ""

    @property
    def only_label(self) -> str:
        """What the button says that asks for it."""
        return f"Only {self.name} {Truncator(self.value).chars(_LABEL)}"

    @property
    def without_label(self) -> str:
        """What the button says that excludes it."""
        return f"Without {self.name} {Truncator(self.value).chars(_LABEL)}"

    @property
    def column_label(self) -> str:
        """What the button says that makes it a column."""
        return f"{self.name} add column"

    @property
    def is_long(self) -> bool:
        """Whether a phone has no room for it beside its name."""
        return len(self.value) > _LONG or self.has_lines

    @property
    def has_lines(self) -> bool:
        """Whether it is several lines, which are shown as such."""
        return "\n" in self.value.strip()

    @property
    def is_huge(self) -> bool:
        """Whether it would push everything below it out of sight."""
        return len(self.value) > _HUGE


@dataclass(frozen=True, slots=True)
class Drawer:
    """What the drawer shows."""

    log: LogDetail
    address: LogCursor
    scope: Scope | None
    message: SafeString
    has_lines: bool
    message_fields: Sequence[Field]  # of a message that is JSON
    columns: Sequence[Field]
    fields: Sequence[Field]
    more_fields: int
    raw: str
    is_raw_cut: bool
    raw_url: str
    trace_url: str
    request_url: str
    marks: Sequence[Mark]
    wrap_url: str
    page_url: str
    explorer_url: str
    target: str  # what of the page its links change: itself, or empty where it is the page


def drawer_for(
    session: SearchSession, org: Org, explorer: ExplorerState, scopes: Scopes, address: LogCursor
) -> Drawer | None:
    """Return the drawer of the log at `address`, or None when the organisation has no such log."""
    log = queries.log_at(session, org.pk, address)
    if log is None:
        return None
    scope = scopes.by_environment().get(log.row.environment_id)
    meta = json.loads(log.meta) if log.meta else None
    raw = _raw(log, scope, meta)
    return Drawer(
        log=log,
        address=address,
        scope=scope,
        message=stack_html(without_colours(log.message), Marker(explorer.node)),
        has_lines="\n" in log.message.strip(),
        message_fields=_message_fields(explorer, log.message),
        columns=_columns(explorer, log, scope),
        fields=_fields(explorer, meta),
        more_fields=max(0, count_fields(meta) - _MOST_FIELDS),
        raw=raw[:_RAW_SHOWN],
        is_raw_cut=len(raw) > _RAW_SHOWN,
        raw_url=reverse("logs:raw", args=[str(address)]),
        trace_url=_all_of(explorer, "trace", log.trace_id, log),
        request_url=_all_of(explorer, "request", log.request_id, log),
        marks=_nearby(org, log),
        wrap_url=_wrapped(explorer, address),
        page_url=reverse("logs:entry", args=[str(address)]),
        explorer_url=_around(scope, log),
        target="#drawer" if explorer.row else "",
    )


def _wrapped(explorer: ExplorerState, address: LogCursor) -> str:
    """Return this page, the explorer's or the log's own, with lines wrapped, or not any more."""
    if explorer.row:
        return explorer.url(wrap=explorer.said("wrap", "0" if explorer.is_wrapped else "1"), row=str(address))
    return reverse("logs:entry", args=[str(address)]) + ("" if explorer.is_wrapped else "?wrap=1")


def _columns(explorer: ExplorerState, log: LogDetail, scope: Scope | None) -> list[Field]:
    said = [
        ("level", log.row.level),
        ("service", scope.service if scope else None),
        ("env", scope.environment if scope else None),
        ("trace", log.trace_id),
        ("request", log.request_id),
    ]
    return [
        _field(
            explorer, name, beginning_of(value), Equals(name, (value_of(value),)) if len(value) <= _LONGEST else None
        )
        for name, value in said
        if value
    ]


def _message_fields(explorer: ExplorerState, message: str) -> list[Field]:
    """Return what a message holds that is a JSON object; they are no fields to search by, but words find them."""
    text = message.strip()
    if len(text) > _RAW_FORMATTED or not (text.startswith("{") and text.endswith("}")):
        return []
    try:
        return [_field(explorer, f.key, _shown(f), None) for f in flat_fields(json.loads(text), _MOST_FIELDS)]
    except (ValueError, RecursionError):
        return []


def _fields(explorer: ExplorerState, meta: object) -> list[Field]:
    fields = flat_fields(meta, _MOST_FIELDS)
    return [_field(explorer, f.key, _shown(f), f.term) for f in fields]


def _shown(field: FlatField) -> str:
    """Return a value as the page writes it: of several lines, such as a stack trace, more than of others."""
    value = field.value
    return beginning_of(value, _LINES_SHOWN) if isinstance(value, str) and "\n" in value else field.shown


def _field(explorer: ExplorerState, name: str, value: str, term: Node | None) -> Field:
    shown = stack_html(value, Marker(explorer.node))
    if term is None:
        return Field(name, value, shown)
    node = explorer.node or Everything()
    columns = [*explorer.columns, name]
    is_shown = name in explorer.columns or name == "level"
    return Field(
        name,
        value,
        shown,
        explorer.with_query(with_term(node, term)),
        explorer.with_query(with_term(node, Not(term))),
        "" if is_shown else explorer.with_columns(columns),
        print_query(term),
        print_query(Not(term)),
    )


def raw_json(session: SearchSession, org: Org, scopes: Scopes, address: LogCursor) -> str | None:
    """Return all of the log at `address` as JSON, however long; None when the organisation has no such log."""
    log = queries.log_at(session, org.pk, address)
    if log is None:
        return None
    head = json.dumps(_head(log, scopes.by_environment().get(log.row.environment_id)), ensure_ascii=False)
    return f'{head[:-1]}, "meta": {log.meta or "null"}}}'


def _raw(log: LogDetail, scope: Scope | None, meta: object) -> str:
    head = _head(log, scope)
    if log.meta and len(log.meta) > _RAW_FORMATTED:
        return json.dumps(head, indent=2, ensure_ascii=False)[:-2] + f',\n  "meta": {log.meta}\n}}'
    return beginning_of({**head, "meta": meta}, _RAW_SHOWN + 1, indent=2)


def _head(log: LogDetail, scope: Scope | None) -> dict[str, object]:
    return {
        "id": log.row.id,
        "timestamp": log.row.ts.isoformat(),
        "received_at": log.received_at.isoformat(),
        "service": scope.service if scope else None,
        "environment": scope.environment if scope else None,
        "level": log.row.level,
        "message": log.message,
        "trace_id": log.trace_id,
        "request_id": log.request_id,
    }


def _all_of(explorer: ExplorerState, key: str, value: str | None, log: LogDetail) -> str:
    """Return the page with all logs of one trace or request near this one: oldest first, fitted to them."""
    if not value or len(value) > _LONGEST:
        return ""
    since, until = log.row.ts - _AROUND_TRACE, log.row.ts + _AROUND_TRACE
    query = with_term(Everything(), Equals(key, (value_of(value),)))
    whole = explorer.url(q=print_query(query), since=times.to_url(since), to=times.to_url(until), order=OLDEST)
    return f"{whole}&fit=1"


def _around(scope: Scope | None, log: LogDetail) -> str:
    """Return the explorer with the log open, in the lines of its environment around it."""
    names = {"service": scope.service, "env": scope.environment} if scope else {}
    said = [Equals(key, (value_of(name),)) for key, name in names.items()]
    span = (times.to_url(log.row.ts - _AROUND_LOG), times.to_url(log.row.ts + _AROUND_LOG))
    address = ExplorerState.read(QueryDict())
    return address.url(q=print_query(conjunction(said)), since=span[0], to=span[1], row=str(log.row.address))


def _nearby(org: Org, log: LogDetail) -> list[Mark]:
    """Return what happened to the log's environment in the two hours before it and shortly after."""
    span = (log.row.ts - _NEAR, log.row.ts + _NEAR / 8)
    marks = [
        mark
        for marks_of in TIMELINE_MARKS
        for mark in marks_of(org, [log.row.service_id], [log.row.environment_id], *span)
    ]
    return sorted(marks, key=lambda mark: mark.at, reverse=True)[:6]
