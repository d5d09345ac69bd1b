"""Refuse quickly while the database is away, so that waiting senders do not take every thread."""

from __future__ import annotations

import threading

from django.db import Error, connection

from pulseops.core.web.json_errors import ApiError

RETRY_AFTER = 5  # seconds


def unavailable() -> ApiError:
    """Make the 503 for a database that is away."""
    return ApiError("UNAVAILABLE", "The database is away. Send the batch again.", retry_after=RETRY_AFTER)


class CircuitBreaker:
    """Lets requests through to the database; while it is away only one at a time, which finds out when it is back."""

    def __init__(self) -> None:
        self._is_away = False
        self._probe = threading.Lock()

    def enter(self) -> None:
        """Take a connection for this request. Raises ApiError 503, or what connecting raises (after a bounded wait)."""
        if not self._is_away:
            self._connect()
        elif self._probe.acquire(blocking=False):
            try:
                self._connect()
            finally:
                self._probe.release()
        else:
            raise unavailable()

    def _connect(self) -> None:
        try:
            connection.ensure_connection()
        except Error:
            self._is_away = True
            raise
        self._is_away = False


gate = CircuitBreaker()
