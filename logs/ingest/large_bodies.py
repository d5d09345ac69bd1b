"""Few large bodies at a time: each is several times its size while it is read, and all threads may get one at once."""

from __future__ import annotations

import threading

from django.conf import settings

from pulseops.core.web.json_errors import ApiError

LARGE = 5 * 1024 * 1024  # bytes, unpacked
RETRY_AFTER = 2  # seconds


class LargeBodies:
    """The INGEST_LARGE_BODIES places of this process; a request holds one from when its body grows large to its end."""

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._mine = threading.local()

    def claim(self, size: int) -> None:
        """Take a place if a body of `size` bytes needs one. Raises ApiError 503 while all are taken."""
        if size <= LARGE or getattr(self._mine, "holds", False):
            return
        if not self._places.acquire(timeout=RETRY_AFTER):
            raise ApiError(
                "UNAVAILABLE",
                "Several large requests are being stored. Send it again.",
                retry_after=RETRY_AFTER,
                limit="INGEST_LARGE_BODIES",
            )
        self._mine.holds = True

    def release(self) -> None:
        """Give back, at the end of a request, what it has claimed."""
        if getattr(self._mine, "holds", False):
            self._mine.holds = False
            self._places.release()


large_bodies = LargeBodies(settings.INGEST_LARGE_BODIES)
