"""Which organisations have so many of all logs that looking for their name in an index would only cost.

The indexes of parts (logs/storage/trigram_index.py) hold the organisation. Of a small one that keeps the words of
others out; of one that has every other log it is a list to read that is longer than any word's.
"""

from __future__ import annotations

import time
from uuid import UUID

from django.db import connection

BIG = 0.15  # of the logs of a day
_KNOWN_SECONDS = 60.0
_SHARES = """
    SELECT most_common_vals::text::uuid[], most_common_freqs FROM pg_stats
    WHERE schemaname = current_schema() AND attname = 'org_id' AND tablename LIKE 'logs\\_2%'
        AND most_common_vals IS NOT NULL
    ORDER BY tablename DESC LIMIT 1
"""


class Shares:
    """The shares of the newest day that was analysed, looked up every minute."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Check again at the next search."""
        self._looked_at = float("-inf")
        self._big: frozenset[UUID] = frozenset()

    def is_big(self, org_id: UUID) -> bool:
        """Return whether the organisation has a large part of all logs; what is unknown is small."""
        if time.monotonic() - self._looked_at > _KNOWN_SECONDS:
            self._big, self._looked_at = _big(), time.monotonic()
        return org_id in self._big


shares = Shares()


def _big() -> frozenset[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_SHARES)
        row = cursor.fetchone()
    return frozenset(org for org, share in zip(*row, strict=True) if share >= BIG) if row else frozenset()
