"""Logs as lists show them: one line each, with what matched marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from logs.explorer.marker import Marker, is_id
from logs.search.flat_fields import beginning_of, flat_fields, term_for, texts_of
from logs.search.operators import Equals
from logs.search.printer import print_query
from logs.search.rewrite import value_of
from logs.search.rows import LogRow
from logs.search.text import COLOURS, holds
from pulseops.core.ui import times
from services.scopes import Scope, Scopes

_LINE = 600  # characters of a message on its one line
_LEAD = 80  # characters kept before a match that lies further right than the line
_CELL = 120
_MARKS = 5  # of a row: more make the page large, and no one looks at them
_TALL, _VAST = 20, 3_000  # lines of a wrapped message, as in the stylesheet; characters
_BEGINNING = 500  # characters that those lines surely show
_WIDTHS = (8, 12, 16, 20)  # characters that a column may be wide; the stylesheet has a class for each
_FIELDS_SEARCHED, _WHERE = 200, 60  # fields of a row; characters of the value that holds a word
_ABSENT = object()
_AHEAD = timedelta(minutes=1)  # beyond which a line is of the future, not of a clock that is a little ahead


@dataclass(frozen=True, slots=True)
class Column:
    """A column beside the message, `width` characters wide."""

    name: str
    width: int


@dataclass(frozen=True, slots=True)
class Cell:
    """What a column holds for one row; `term` is the query that asks for this value, empty where none does."""

    name: str
    value: str
    term: str
    width: int = _WIDTHS[1]
    is_number: bool = False

    @property
    def short_term(self) -> str:
        """The term without its value where that is what is shown, as in "service:": a page has hundreds of them."""
        prefix = f"{self.name}:"
        return prefix if self.term == prefix + self.value else self.term

    @property
    def is_cut(self) -> bool:
        """Whether the column has no room for all of it."""
        return len(self.value) > self.width


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of a list. `url` is the log's own page; beside the explorer's list a script opens it instead.

    `line` and `message` are HTML; `more` is how many further lines the message has, `is_tall` whether a wrapped list
    shows its beginning alone.
    """

    row: LogRow
    url: str
    clock: str
    iso: str
    service: str
    environment: str
    line: SafeString
    message: SafeString
    more: int
    cells: tuple[Cell, ...]
    is_open: bool = False
    is_tall: bool = False
    where: tuple[str, SafeString] | None = None  # a field, and what of it a word of the query found
    day: str = ""  # where it is not today, or ahead of now
    depth: int = 0  # of a trace: how far it is indented, by its service
    since_last: str = ""  # the time since the row above it, where the oldest stands first
    day_before: str | None = None  # what stands between it and the row above, if the day changes there

    @property
    def is_blank(self) -> bool:
        """Whether the message has nothing to see."""
        return not self.row.message.strip()


@dataclass(frozen=True)
class Lister:
    """Makes rows for one page: how matches are marked, which columns stand in them."""

    marker: Marker
    scopes: dict[UUID, Scope]
    columns: Sequence[Column]
    now: datetime
    opened: str = ""
    is_long: bool = False  # over a day, so the date stands before the time

    def rows(self, rows: Sequence[LogRow], *, zone: str | None = None) -> list[ShownRow]:
        """Return the rows as shown; those of another zone than `zone`, which their head names, say their own."""
        labels = [times.zone_label(each.ts) for each in rows]
        named = _common(labels) if zone is None else zone
        shown, day = [], ""
        for each, own in zip(rows, labels, strict=True):
            row = self._row(each, "" if own == named else own)
            shown.append(row if row.day == day or self.is_long else replace(row, day_before=row.day or self.today))
            day = row.day
        return shown

    @cached_property
    def today(self) -> str:
        """The words for today."""
        return times.day_words(self.now, self.now)

    @cached_property
    def _date(self) -> date:
        return timezone.localtime(self.now).date()

    def _day(self, moment: datetime) -> str:
        ahead = " · ahead of now" if moment > self.now + _AHEAD else ""
        if not ahead and timezone.localtime(moment).date() == self._date:
            return ""
        return times.day_words(moment, self.now) + ahead

    def _row(self, row: LogRow, own_zone: str) -> ShownRow:
        scope = self.scopes.get(row.environment_id)
        message = without_colours(row.message)
        line, more = self._line(message)
        exact = times.exact(row.ts, milliseconds=True)
        clock = (exact if self.is_long else exact[11:]) + (f" {own_zone}" if own_zone else "")
        return ShownRow(
            row=row,
            url=reverse("logs:entry", args=[str(row.address)]),
            clock=clock,
            iso=row.ts.isoformat().replace("+00:00", "Z"),
            service=scope.service if scope else "",
            environment=scope.environment if scope else "",
            line=self.marker.mark(line, _MARKS),
            message=self.marker.mark(message, 2 * _MARKS),
            more=more,
            cells=tuple(replace(cell(each.name, row, scope), width=each.width) for each in self.columns),
            is_open=str(row.address) == self.opened,
            is_tall=self._is_tall(message, more),
            where=self._where(row, message),
            day=self._day(row.ts),
        )

    def _where(self, row: LogRow, message: str) -> tuple[str, SafeString] | None:
        """Return which field holds a word of the query that the message does not."""
        for word in self.marker.missing_from(message):
            for name, value in (("trace", row.trace_id), ("request", row.request_id)):
                if is_id(value, word):
                    return name, self.marker.mark((value or "")[:_CELL], 1)
            for field in flat_fields(row.meta, _FIELDS_SEARCHED):
                if text := next((each for each in texts_of(field.value) if holds(each, word, has_colours=False)), ""):
                    start = max(self.marker.first(text) - _WHERE // 3, 0)
                    return field.key, self.marker.mark(("… " if start else "") + text[start : start + _WHERE], 1)
        return None

    def _is_tall(self, message: str, more: int) -> bool:
        """Return whether it would push the others out of sight; not where what matched stands further down."""
        return (more >= _TALL or len(message) > _VAST) and self.marker.first(message) < _BEGINNING

    def _line(self, message: str) -> tuple[str, int]:
        """Choose the line to show: the one that matches first; else the first that says something."""
        lines = message.splitlines() or [""]
        at = self.marker.first(message)
        number = len(message[: at + 1].splitlines()) - 1 if at else 0
        if not at:
            number = next((n for n, each in enumerate(lines) if each.strip()), 0)
        number = max(0, min(number, len(lines) - 1))
        line = lines[number]
        start = self.marker.first(line)
        cut = start - _LEAD if start > _LINE // 3 else 0
        shown = ("… " if cut or (number and at) else "") + line[cut : cut + _LINE]
        return shown + (" …" if len(line) > cut + _LINE else ""), len(lines) - 1


def zone_of(rows: Sequence[LogRow]) -> str:
    """Return how the active zone is called at the times of all these rows; empty where that changes among them."""
    return _common([times.zone_label(row.ts) for row in rows])


def _common(labels: Sequence[str]) -> str:
    if not labels:
        return times.zone_label()
    return labels[0] if len(set(labels)) == 1 else ""


def without_colours(message: str) -> str:
    """Return a message as a terminal would show it; its raw JSON has what was sent."""
    return COLOURS.sub("", message) if "\x1b" in message else message


def columns_of(names: Iterable[str], scopes: Scopes) -> list[Column]:
    """Return the columns `names`, wide enough for the services and environments that there are, whatever comes in."""
    said = {"service": scopes.services(), "env": scopes.environments()}
    return [Column(name, _width(max(map(len, said.get(name, ())), default=_WIDTHS[1]))) for name in names]


def _width(characters: int) -> int:
    return next((width for width in _WIDTHS if width >= characters), _WIDTHS[-1])


def cell(name: str, row: LogRow, scope: Scope | None) -> Cell:
    """Return what the column `name` holds for a row: a column of the table, or a dotted key of its JSON."""
    known = {
        "service": scope.service if scope else "",
        "env": scope.environment if scope else "",
        "trace": row.trace_id or "",
        "request": row.request_id or "",
    }
    if name in known:
        value = known[name]
        return Cell(name, value[:_CELL], _column_term(name, value) if value else "")
    result = _of_json(row.meta, name.split("."))
    if result is _ABSENT:
        return Cell(name, "", "")
    is_long = isinstance(result, str) and len(result) > _LINE
    term = None if is_long else term_for(name, result)
    is_number = isinstance(result, int | float) and not isinstance(result, bool)
    return Cell(name, beginning_of(result, _CELL), print_query(term) if term else "", is_number=is_number)


@lru_cache(maxsize=1024)
def _column_term(name: str, value: str) -> str:
    return print_query(Equals(name, (value_of(value),)))


def _of_json(value: Any, path: Sequence[str]) -> Any:
    """Return what stands under `path`, of which neighbouring parts may be one name with dots; _ABSENT for nothing."""
    if not path:
        return value
    if not isinstance(value, dict):
        return _ABSENT
    for size in range(len(path), 0, -1):
        name = ".".join(path[:size])
        if name in value:
            return _of_json(value[name], path[size:])
    return _ABSENT
