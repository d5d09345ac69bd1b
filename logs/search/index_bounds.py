"""Where a search for text has to be cut: a partial trigram index is used only for times that lie within it,
and where there is none a search does without its letters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from logs.storage.trigram_index import indexed_times

_KNOWN_SECONDS = 30.0


class Cuts:
    """The times that indexes have, looked up every half a minute.

    One that is out of date costs a search nothing but that index.
    """

    def __init__(self) -> None:
        self._looked_at = float("-inf")
        self._times: Sequence[tuple[datetime, datetime]] = ()

    def forget(self) -> None:
        """Check again at the next search."""
        self._looked_at = float("-inf")

    def pieces(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime, bool]]:
        """Cut [start, end) so that each piece lies within an index, or touches none; newest first, and which it is."""
        times = self._indexed()
        inside = sorted({edge for each in times for edge in each if start < edge < end})
        return [
            (first, last, any(since <= first and last <= until for since, until in times))
            for first, last in pairwise([start, *inside, end])
        ][::-1]

    def _indexed(self) -> Sequence[tuple[datetime, datetime]]:
        if time.monotonic() - self._looked_at > _KNOWN_SECONDS:
            self._times, self._looked_at = indexed_times(), time.monotonic()
        return self._times


cuts = Cuts()
