"""Where a search for text has to be cut: a partial trigram index is used only for times that lie within it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from logs.storage.trigram_index import built_parts

_KNOWN_SECONDS = 30.0


class Cuts:
    """The times at which partial indexes begin and end, looked up every half a minute.

    One that is out of date costs a search nothing but that index.
    """

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._times: Sequence[datetime] = ()

    def forget(self) -> None:
        """Check again at the next search."""
        self._looked_at = float("-inf")

    def pieces(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Cut [start, end) so that each piece lies within a partial index, or touches none; newest first."""
        inside = [moment for moment in self._edges() if start < moment < end]
        return list(pairwise([start, *inside, end]))[::-1]

    def _edges(self) -> Sequence[datetime]:
        if time.monotonic() - self._looked_at > _KNOWN_SECONDS:
            self._times, self._looked_at = sorted(_edges()), time.monotonic()
        return self._times


cuts = Cuts()


def _edges() -> Iterable[datetime]:
    return {edge for part in built_parts() for edge in (part.start, part.end) if edge}
