"""Dropping logs, and keeping one in so many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from zlib import crc32

from logs.ingest.columns import Columns
from logs.ingest_rules.rules import KeepRule


class Sampler:
    """Decides which logs of a service are kept. Logs of one trace are kept or dropped together."""

    def __init__(self, rules: Sequence[KeepRule]) -> None:
        self._rules = [(rule, rule.name, count()) for rule in rules]
        self._levels = {rule.level for rule in rules}

    def kept(self, columns: Columns, counts: Counter[str]) -> Columns:
        """Return what is kept; counts those that are not under the name of their rule."""
        if "" not in self._levels and self._levels.isdisjoint(columns.level):
            return columns
        rows = [
            number
            for number, (level, message, trace) in enumerate(
                zip(columns.level, columns.message, columns.trace_id, strict=True)
            )
            if self._is_kept(level, message, trace, counts)
        ]
        if len(rows) == len(columns.level):
            return columns
        return Columns(*([column[row] for row in rows] for column in columns))  # type: ignore[arg-type]  # of one length

    def _is_kept(self, level: str, message: str, trace_id: str | None, counts: Counter[str]) -> bool:
        for rule, name, number in self._rules:
            if rule.level in ("", level) and rule.text in message:
                place = crc32(trace_id.encode()) if trace_id else next(number)
                is_kept = rule.one_in > 0 and place % rule.one_in == 0
                counts[name] += not is_kept
                return is_kept
        return True
