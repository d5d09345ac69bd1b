"""Blocks read for an export: each is opened once, and what was made of it is kept for the pages that follow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

from logs.cursor import LATEST
from logs.explorer.export_lines import LineFormat, Names
from logs.search.sealed.reader import BlockQuery, BlockReader, Match, Span
from logs.search.sealed.rows import is_many, record_of
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.rows import EARLIEST
from logs.storage.blocks.table import Head

_AT_ONCE = 16  # blocks
_KEPT_BYTES = 24 * 1024 * 1024  # of lines: as many as a page may need of each environment, where those are not hundreds
_ALL_TIME = Span(EARLIEST, LATEST)


@dataclass(frozen=True, slots=True)
class WrittenMatch(Match):
    """Matches with their lines by their places; of the block only times and ids are left."""

    lines: Mapping[int, bytes] | Sequence[bytes]
    size: int


class ExportReader(BlockReader):
    """Gives each match with its lines; `names_of` an environment's id."""

    def __init__(
        self, org_id: UUID, seconds: float, form: LineFormat, names_of: Callable[[UUID | None], Names]
    ) -> None:
        super().__init__(org_id, seconds)
        self._form, self._names_of = form, names_of
        self._written: OrderedDict[int, WrittenMatch | None] = OrderedDict()  # by the block's id; None: no matches
        self._bytes = 0

    def matches(self, query: BlockQuery, span: Span, heads: Iterable[Head]) -> Iterator[Match]:
        """Yield the same as `BlockReader.matches`, as WrittenMatch; `query` is the same for the life of this."""
        remaining = iter(heads)
        while batch := list(islice(remaining, _AT_ONCE)):
            for head, match in self._batch(query, batch):
                places = match.places if span.covers(head) else match.places[span.mask(match.block)[match.places]]
                if len(places):
                    yield replace(match, places=places)

    def _batch(self, query: BlockQuery, heads: list[Head]) -> list[tuple[Head, WrittenMatch]]:
        new = [head for head in heads if head.id not in self._written]
        found = list(super().matches(query, _ALL_TIME, new))
        self.complete(found)
        for head in new:
            self._written[head.id] = None
        for match in found:
            self._keep(match)
        known = [(head, written) for head in heads if (written := self._written[head.id]) is not None]
        for head in heads:
            self._written.move_to_end(head.id)
        while self._bytes > _KEPT_BYTES:
            self._forget()
        return known

    def _keep(self, match: Match) -> None:
        try:
            lines = self._lines_of(match)
        except (DamagedBlockError, UnicodeDecodeError, ValueError) as error:
            self.note_damage(match.head, error)
            return
        size = sum(map(len, lines.values() if isinstance(lines, dict) else lines))
        self._bytes += size
        self._written[match.head.id] = WrittenMatch(match.head, match.block.narrowed(), match.places, lines, size)

    def _lines_of(self, match: Match) -> dict[int, bytes] | Sequence[bytes]:
        names, places = self._names_of(match.head.environment_id), match.places.tolist()
        if not is_many(len(places), match.block):
            return {place: self._form.line(record_of(match, place), names) for place in places}
        return self._form.lines(match.block, names)

    def _forget(self) -> None:
        _, match = self._written.popitem(last=False)
        self._bytes -= match.size if match else 0
