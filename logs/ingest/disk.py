"""Refuse batches before the disk is full: a PostgreSQL that cannot write its log any more stops altogether."""

from __future__ import annotations

import os
import time

from django.conf import settings
from django.db import connection

from pulseops.core.web.json_errors import ApiError

RETRY_AFTER = 60  # seconds
_LOOK_AGAIN = 2.0  # seconds


class DiskGate:
    """Looks at the disk of the embedded server every two seconds; another server's disk is not ours to see."""

    def __init__(self) -> None:
        self._looked_at = -_LOOK_AGAIN
        self._has_room = True

    def enter(self) -> None:
        """Raise ApiError 503 while less than INGEST_MIN_FREE_BYTES are free."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_AGAIN:
            self._looked_at, self._has_room = now, _free_bytes() >= settings.INGEST_MIN_FREE_BYTES
        if not self._has_room:
            raise ApiError(
                "UNAVAILABLE", "The disk is nearly full. Send the batch again later.", retry_after=RETRY_AFTER
            )


def _free_bytes() -> float:
    if connection.settings_dict["ENGINE"] != "pulseops.core.postgres":
        return float("inf")
    directory = connection.settings_dict.get("EMBEDDED", {}).get("DIRECTORY") or settings.DATA_DIR
    try:
        disk = os.statvfs(directory)
    except OSError:
        return float("inf")
    return float(disk.f_bavail * disk.f_frsize)


disk_gate = DiskGate()
