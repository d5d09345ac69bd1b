"""Aggregations of sealed logs: by columns, without putting a log together, or by what a block's summary says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from logs.search.aggregation.groups import Groups
from logs.search.aggregation.measures import Measures, hash_of
from logs.search.aggregation.query import SECTIONS, Aggregation, Bars
from logs.search.fields import column_of, json_key
from logs.search.sealed.reader import Match
from logs.storage.blocks.arrays import Ints, Mask, np, places_of
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.fields import LONGEST_VALUE, FieldNumbers, FieldValues, field_numbers, field_values
from logs.storage.blocks.numbers import Buckets, numbers_by
from logs.storage.blocks.summaries import Summary
from logs.storage.blocks.table import Head, microseconds_of
from logs.storage.blocks.texts import decoded

_MICROSECOND = timedelta(microseconds=1)


class BlockAdder:
    """Adds what matches in one block to the groups of one aggregation; all is read when it is made.

    The sections that the aggregation names have been fetched. Raises DamagedBlockError.
    """

    def __init__(self, groups: Groups, match: Match, names: dict[str | None, str]) -> None:
        asked, block = groups.aggregation, match.block
        self._groups, self._match = groups, match
        wanted = np.zeros(block.count, bool)
        wanted[match.places] = True
        self._members = _members(asked, match, wanted, names)
        self._numbers = field_numbers(block.documents, json_key(asked.of), wanted) if asked.of else None
        self._values = values_of(match, asked.distinct, wanted) if asked.distinct else None

    def add(self) -> None:
        """Add it."""
        groups, members = self._groups, self._members
        cells = [groups.measures(value, bar) for value, bar in members.cells]
        groups.logs += len(self._match.places)
        for measures, count in zip(cells, np.bincount(members.cell, minlength=len(cells)).tolist(), strict=True):
            measures.logs += count
        if self._numbers is not None:
            self._add_numbers(cells, self._numbers)
        if self._values is not None:
            self._add_values(cells, self._values)
        groups.trim()

    def _add_numbers(self, cells: list[Measures], numbers: FieldNumbers) -> None:
        places, cell = self._members.of(numbers.rows)
        has_buckets = self._groups.aggregation.has_quantiles
        for number, added in numbers_by(cell, numbers.chosen(places), has_buckets=has_buckets):
            cells[number].numbers.add(added)

    def _add_values(self, cells: list[Measures], values: FieldValues) -> None:
        places, cell = self._members.of(values.rows)
        codes = values.codes[places]
        for number in places_of(cell)[0].tolist():
            found = places_of(codes[cell == number])[0].tolist()
            cells[number].distinct.add(hash_of(values.texts[code]) for code in found)


@dataclass(frozen=True, slots=True)
class _Members:
    """Which cells the logs of a block belong to: `rows[i]` to `cells[cell[i]]`; a log may belong to several."""

    count: int  # of the block's logs
    rows: Ints
    cell: Ints
    cells: list[tuple[str | None, int]]  # value and bar

    def of(self, rows: Ints) -> tuple[Ints, Ints]:
        """Return (place, cell) for each entry of `rows` and each cell of that log."""
        counts = np.bincount(self.rows, minlength=self.count)
        if int(counts.max()) <= 1:
            cell_of = np.zeros(self.count, np.int64)
            cell_of[self.rows] = self.cell
            return np.arange(len(rows)), cell_of[rows]
        order = np.argsort(self.rows, kind="stable")
        first, several = (np.cumsum(counts) - counts)[rows], counts[rows]
        places = np.repeat(np.arange(len(rows)), several)
        within = np.arange(len(places)) - np.repeat(np.cumsum(several) - several, several)
        return places, self.cell[order][first[places] + within]


def _members(asked: Aggregation, match: Match, wanted: Mask, names: dict[str | None, str]) -> _Members:
    """Return which groups and bars the matches belong to."""
    rows, codes, texts = match.places, np.zeros(len(match.places), np.int64), list[str | None]([None])
    if asked.by:
        values = values_of(match, asked.by, wanted)
        has_none = wanted.copy()
        has_none[values.rows] = False
        without = np.flatnonzero(has_none)
        rows = np.concatenate([values.rows, without])
        codes = np.concatenate([values.codes, np.full(len(without), len(values.texts))])
        texts = [*(names.get(text, text) for text in values.texts), None]
    least, width, bars = 0, 1, np.zeros(len(rows), np.int64)
    if asked.bars is not None:
        bars = (match.block.ts[rows] - microseconds_of(asked.bars.origin)) // (asked.bars.step // _MICROSECOND)
        least = int(bars.min())
        width = int(bars.max()) - least + 1
    found, cell = places_of(codes * width + (bars - least))
    cells = [(texts[key // width], key % width + least) for key in found.tolist()]
    return _Members(match.block.count, rows, cell, cells)


def values_of(match: Match, field: str, wanted: Mask) -> FieldValues:
    """Return the values of a field of a block's logs, those that are wanted. Raises DamagedBlockError."""
    column, block, places = column_of(field), match.block, np.flatnonzero(wanted)
    if column is None:
        return field_values(block.documents, json_key(field), wanted)
    if column == "level":
        return FieldValues(places, block.levels[places].astype(np.int64), list(LEVELS))
    if column in ("service", "environment"):
        id_ = match.head.service_id if column == "service" else match.head.environment_id
        return FieldValues(places, np.zeros(len(places), np.int64), [str(id_)])
    texts = decoded(block.messages) if column == "message" else block.ids_of(SECTIONS[column])
    return _coded(places, [texts[place] for place in places.tolist()])


def _coded(places: Ints, texts: Sequence[str | None]) -> FieldValues:
    known: dict[str, int] = {}
    codes = np.array(
        [-1 if text is None else known.setdefault(text[:LONGEST_VALUE], len(known)) for text in texts], np.int64
    )
    is_there = codes >= 0
    return FieldValues(places[is_there], codes[is_there], list(known))


def by_head(groups: Groups, head: Head, summary: Summary | None, names: dict[str | None, str]) -> bool:
    """Add all logs of a block by what its head and its summary say; returns whether that was possible.

    Raises DamagedBlockError.
    """
    asked = groups.aggregation
    bar, counts = _only_bar(asked.bars, head), _logs_by_value(asked.by, head, summary)
    if bar is None or counts is None:
        return False
    more = Measures()
    if (asked.of or asked.distinct) and (len(counts) > 1 or not _measure(more, asked, head, summary)):
        return False
    groups.logs += head.logs
    for value, logs in counts.items():
        measures = groups.measures(names.get(value, value), bar)
        measures.logs += logs
        measures.add(more)
    groups.trim()
    return True


def _only_bar(bars: Bars | None, head: Head) -> int | None:
    """Return the bar in which all logs of a block lie, if it is one."""
    if bars is None:
        return 0
    first, last = ((each - bars.origin) // bars.step for each in (head.start_ts, head.end_ts))
    return first if first == last else None


def _logs_by_value(field: str, head: Head, summary: Summary | None) -> dict[str | None, int] | None:
    """Return how many logs of a block have each value of a field, or none; None where that is not known."""
    column = column_of(field) if field else ""
    if not field:
        return {None: head.logs}
    if column == "level":
        return {level: count for level, count in zip(LEVELS, head.levels, strict=True) if count}
    if column in ("service", "environment"):
        return {str(head.service_id if column == "service" else head.environment_id): head.logs}
    known = summary.of(json_key(field)) if column is None and summary else None
    if known is None or known.values is None:
        return None
    counts: dict[str | None, int] = {}
    counts.update(known.values)
    if known.logs < head.logs:
        counts[None] = head.logs - known.logs
    return counts


def _measure(measures: Measures, asked: Aggregation, head: Head, summary: Summary | None) -> bool:
    """Add the numbers and the different values of a whole block; returns whether these are known."""
    if asked.of:
        known = summary.of(json_key(asked.of)) if summary else None
        numbers = known.read_numbers() if known else None
        if numbers is None:
            return False
        measures.numbers.add(numbers if asked.has_quantiles else replace(numbers, buckets=Buckets()))
    if asked.distinct:
        values = _logs_by_value(asked.distinct, head, summary)
        if values is None:
            return False
        measures.distinct.add(hash_of(value) for value in values if value is not None)
    return True
