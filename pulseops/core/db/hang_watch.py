"""Notice within seconds that the database hangs, and let nobody else wait for it until it answers again.

A server that is slow still takes connections; one that hangs (a stuck disk, a stopped process, a machine that went
without a word) does not. So when somebody has waited for an answer for more than a second, a thread of this process
knocks at the server's door. If nobody opens, all who wait are sent away, and whoever wants a connection is refused at
once. The thread goes on knocking, and lets everybody in again when the server answers.

Only web processes do this: their few threads also answer health checks.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

SUSPICIOUS_SECONDS = 1.5  # of waiting for one answer
_PROBE_SECONDS = 2.0
_AGAIN_SECONDS = 5.0  # between two knocks at a server that answers them but not its clients
_POLL_SECONDS = 0.25
# https://www.postgresql.org/docs/current/protocol-message-formats.html: SSLRequest, which is answered with one byte
# before anybody asks who is there.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True, slots=True)
class ServerProbe:
    """Where a server listens: a socket's directory, or a host, and a port."""

    host: str
    port: int

    def responds(self) -> bool:
        """Tell whether somebody answers; a server that is gone and says so does not hang."""
        try:
            with self._reach() as peer:
                peer.sendall(_SSL_REQUEST)
                peer.recv(1)
        except TimeoutError:
            return False
        except OSError:  # nobody listens: what follows fails by itself, and heals by itself
            return True
        return True

    def _reach(self) -> socket.socket:
        if not self.host.startswith("/"):
            return socket.create_connection((self.host, self.port), timeout=_PROBE_SECONDS)
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(_PROBE_SECONDS)
        try:
            peer.connect(f"{self.host}/.s.PGSQL.{self.port}")
        except OSError:
            peer.close()
            raise
        return peer


class Wait:
    """One connection's wait for an answer, which the watch may end."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.since: float | None = None
        self._raw = weakref.ref(raw)
        self._lock = threading.Lock()  # the socket's number is nobody else's while this is held

    def begin(self) -> None:
        """Note that an answer is waited for from now on."""
        self.since = time.monotonic()

    def end(self) -> None:
        """Note that it has come, or never will."""
        with self._lock:
            self.since = None

    def is_long(self, now: float) -> bool:
        """Tell whether it has taken suspiciously long."""
        since = self.since
        return since is not None and now - since > SUSPICIOUS_SECONDS

    def cut(self) -> None:
        """Let the wait find the end of the connection; nothing happens if it is over."""
        with self._lock, suppress(OSError, psycopg.Error):
            raw = self._raw()
            if self.since is not None and raw is not None:
                with socket.socket(fileno=os.dup(raw.fileno())) as peer:
                    peer.shutdown(socket.SHUT_RDWR)


class Watch:
    """What this process knows about its database, and the thread that finds it out."""

    def __init__(self) -> None:
        self.is_hung = False
        self._door: ServerProbe | None = None
        self._waits: weakref.WeakSet[Wait] = weakref.WeakSet()
        self._connecting: dict[object, float] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._knock_at = 0.0

    def add(self, raw: psycopg.Connection[Any]) -> Wait:
        """Watch over what is waited for on `raw`."""
        wait = Wait(raw)
        self._door = ServerProbe(raw.info.host, raw.info.port)
        with self._lock:
            self._waits.add(wait)
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._thread = threading.Thread(target=self._run, name="database-watch", daemon=True)
                self._thread.start()
        return wait

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """Watch over an attempt to connect. Raises psycopg.OperationalError at once while the server hangs."""
        if self.is_hung:
            raise psycopg.OperationalError("The database does not answer.")
        attempt = object()
        self._connecting[attempt] = time.monotonic()
        try:
            yield
        finally:
            del self._connecting[attempt]

    def look(self) -> None:
        """Knock if there is a reason to, and draw the conclusion."""
        now = time.monotonic()
        if self._door is None or now < self._knock_at or not (self.is_hung or self._has_long_wait(now)):
            return
        self.is_hung = not self._door.responds()
        if self.is_hung:
            for wait in self._all_waits():
                wait.cut()
        else:
            self._knock_at = time.monotonic() + _AGAIN_SECONDS

    def _has_long_wait(self, now: float) -> bool:
        return any(wait.is_long(now) for wait in self._all_waits()) or any(
            now - since > SUSPICIOUS_SECONDS for since in list(self._connecting.values())
        )

    def _all_waits(self) -> list[Wait]:
        with self._lock:
            return list(self._waits)

    def _run(self) -> None:
        while True:
            time.sleep(_POLL_SECONDS)
            self.look()


watch = Watch()
