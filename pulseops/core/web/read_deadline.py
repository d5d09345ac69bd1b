"""An end to waiting for what clients send: a blocked read has no clock of its own, and takes a thread meanwhile."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Watchdog:
    """One thread that ends reads which are overdue; a fork leaves it behind, so the first watch starts it."""

    def __init__(self) -> None:
        self._overdue_at: dict[int, tuple[socket.socket, float]] = {}
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def watch(self, peer: socket.socket, seconds: float) -> int:
        """End reads from `peer` in `seconds`, or up to half a second later, unless the number returned is forgotten."""
        number = next(self._numbers)
        self._overdue_at[number] = (peer, time.monotonic() + seconds)
        if not self._is_awake():
            with self._lock:
                if not self._is_awake():
                    self._thread = threading.Thread(target=self._run, name="slow-clients", daemon=True)
                    self._thread.start()
        return number

    def forget(self, number: int) -> None:
        """Stop watching."""
        self._overdue_at.pop(number, None)

    def _is_awake(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while True:
            time.sleep(0.5)
            now = time.monotonic()
            for number, (peer, overdue_at) in list(self._overdue_at.items()):
                if overdue_at < now:
                    self.forget(number)
                    with suppress(OSError):  # it hung up itself
                        peer.shutdown(socket.SHUT_RD)  # the read ends; the answer can still be written


_watchdog = Watchdog()


@contextmanager
def reading_within(peer: socket.socket, seconds: float) -> Iterator[None]:
    """End reads from `peer` that are not done within `seconds`: they find the end of the stream."""
    number = _watchdog.watch(peer, seconds)
    try:
        yield
    finally:
        _watchdog.forget(number)
