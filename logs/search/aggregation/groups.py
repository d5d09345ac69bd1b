"""The groups of one aggregation, while they are counted and as they are shown."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from logs.search.aggregation.measures import Measures
from logs.search.aggregation.query import Aggregation

_MOST_CELLS, _MOST_LARGE_CELLS = 20_000, 2_000  # groups times bars that are kept; the latter of quantiles and values
_Bars = defaultdict[int, Measures]  # by the number of the bar, 0 where there are none


@dataclass(frozen=True, slots=True)
class Group:
    """The logs of one value, all of them and by the beginning of their bar."""

    value: str | None
    whole: Measures
    bars: dict[datetime, Measures]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What was computed.

    logs         how many logs matched, each once
    groups       those with the most logs, the largest first
    others       what all other groups have together; a log may be in several of them
    ungrouped    the logs that have no value of `by`; all logs where nothing is grouped
    count_error  how many of a group's logs may be among the `others` at most: 0 but where there are some thousand
                 groups, of which small ones are put there before all is counted
    counted_to   the time back to which all was looked at; the window's start when `is_complete`
    """

    logs: int
    groups: tuple[Group, ...]
    others: Group
    ungrouped: Group
    count_error: int
    counted_to: datetime
    is_complete: bool


@dataclass(slots=True)
class Groups:
    """Groups that are being counted. Beyond some thousand, small ones are put together as Misra and Gries (1982) do."""

    aggregation: Aggregation
    logs: int = 0
    count_error: int = 0
    by_value: dict[str | None, _Bars] = field(default_factory=dict)
    others: _Bars = field(default_factory=lambda: defaultdict(Measures))
    _cells: int = 0

    def measures(self, value: str | None, bar: int = 0) -> Measures:
        """Return what is to be added to, of the logs that have a value, or have none, in a bar."""
        bars = self.by_value.get(value)
        if bars is None:
            bars = self.by_value[value] = defaultdict(Measures)
        if bar not in bars:
            self._cells += 1
        return bars[bar]

    def add(self, other: Groups) -> None:
        """Add what was counted elsewhere."""
        self.logs += other.logs
        self.count_error += other.count_error
        for value, bars in other.by_value.items():
            for bar, measures in bars.items():
                self.measures(value, bar).add(measures)
        _add_bars(self.others, other.others)
        self.trim()

    def trim(self) -> None:
        """Put the smallest groups together where there are too many."""
        if self._cells <= 2 * self._most_cells:
            return
        kept = cells = 0
        for value in self._by_size():
            cells += len(self.by_value[value])
            if cells > self._most_cells:
                break
            kept += 1
        dropped = self._by_size()[max(kept, self.aggregation.most_groups) :]
        self.count_error += max((_logs(self.by_value[value]) for value in dropped), default=0)
        for value in dropped:
            _add_bars(self.others, self.by_value.pop(value))
        self._cells = sum(map(len, self.by_value.values()))

    @property
    def _most_cells(self) -> int:
        is_large = self.aggregation.has_quantiles or self.aggregation.distinct
        return _MOST_LARGE_CELLS if is_large else _MOST_CELLS

    def _by_size(self) -> list[str]:
        values = [value for value in self.by_value if value is not None]
        return sorted(values, key=lambda value: (-_logs(self.by_value[value]), value))

    def result(self, counted_to: datetime, *, is_complete: bool) -> Aggregate:
        """Return them as they are shown."""
        shown, rest = self._by_size(), list[str]()
        if len(shown) > self.aggregation.most_groups:
            shown, rest = shown[: self.aggregation.most_groups], shown[self.aggregation.most_groups :]
        others: _Bars = defaultdict(Measures)
        for bars in (self.others, *(self.by_value[value] for value in rest)):
            _add_bars(others, bars)
        groups = tuple(self._group(value, self.by_value[value]) for value in shown)
        ungrouped = self._group(None, self.by_value.get(None, defaultdict(Measures)))
        others_ = self._group(None, others)
        return Aggregate(self.logs, groups, others_, ungrouped, self.count_error, counted_to, is_complete)

    def _group(self, value: str | None, bars: _Bars) -> Group:
        asked, whole = self.aggregation.bars, Measures()
        for measures in bars.values():
            whole.add(measures)
        by_time = {asked.origin + number * asked.step: bars[number] for number in sorted(bars)} if asked else {}
        return Group(value, whole, by_time)


def _logs(bars: _Bars) -> int:
    return sum(measures.logs for measures in bars.values())


def _add_bars(bars: _Bars, more: _Bars) -> None:
    for bar, measures in more.items():
        bars[bar].add(measures)
