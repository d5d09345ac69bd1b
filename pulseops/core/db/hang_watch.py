"""Notice within seconds that the database hangs, and let no one else wait for it until it answers again.

A server that is slow ends what takes too long (`answer_timeout`) and takes new connections meanwhile; one that hangs (a
stuck disk, a stopped process, a machine that went without a word) does neither. So when a request has had a connection
for more than a second, a thread of this process knocks at the server's door. If no one opens, the connections in use
are cut, so a request that waits for an answer finds its end, and one that wants a connection is refused at once. The
thread goes on knocking, and lets everybody in again when the server answers. Of several servers in one address those
connections are cut whose server does not open, and no one is refused while any of them does.

Only web processes do this: their few threads also serve everybody else.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from pulseops.core.db.answer_timeout import is_bounded

SUSPICIOUS_SECONDS = 1.5  # of having a connection, or of wanting one
_PROBE_SECONDS = 2.0
_AGAIN_SECONDS = 5.0  # between two knocks at a server that answers them but not its clients
_POLL_SECONDS = 0.25
# https://www.postgresql.org/docs/current/protocol-message-formats.html: SSLRequest, which is answered with one byte
# before anyone asks who is there.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True, slots=True)
class ServerProbe:
    """Where a server listens: a socket's directory, or a host, and a port."""

    host: str
    port: int

    def responds(self) -> bool:
        """Return whether someone answers; a server that is gone and says so does not hang."""
        try:
            with self._reach() as peer:
                peer.sendall(_SSL_REQUEST)
                peer.recv(1)
        except TimeoutError:
            return False
        except OSError:  # no one listens: what follows fails by itself, and heals by itself
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


def probes_of(raw: psycopg.Connection[Any]) -> tuple[ServerProbe, ...]:
    """Return where the servers of a connection's address listen: that of the connection, and the others."""
    own = ServerProbe(raw.info.host, raw.info.port)
    parameters = raw.info.get_parameters()
    hosts = [host for host in parameters.get("host", "").split(",") if host]
    ports = [int(port or 5432) for port in parameters.get("port", "5432").split(",")]
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return tuple(dict.fromkeys([own, *map(ServerProbe, hosts, ports)]))


class Watch:
    """What this process knows about its database, and the thread that finds it out."""

    def __init__(self) -> None:
        self.is_hung = False
        self._doors: tuple[ServerProbe, ...] = ()  # of all servers of the last connection's address
        self._in_use: dict[psycopg.Connection[Any], tuple[float, ServerProbe]] = {}  # since when, and whose it is
        self._connecting: dict[object, float] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # a connection in use is closed by no one while this is held
        self._knock_at = 0.0

    def begin(self, raw: psycopg.Connection[Any]) -> None:
        """Note that `raw` is in use from now on."""
        doors = probes_of(raw)
        with self._lock:
            self._doors = doors
            self._in_use[raw] = time.monotonic(), doors[0]
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._thread = threading.Thread(target=self._run, name="database-watch", daemon=True)
                self._thread.start()

    def end(self, raw: psycopg.Connection[Any]) -> None:
        """Note that `raw` is about to be given back or closed."""
        with self._lock:
            self._in_use.pop(raw, None)

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
        if not self._doors or now < self._knock_at or not (self.is_hung or self._is_suspicious(now)):
            return
        hung = {door for door in self._doors if not door.responds()}
        self.is_hung = len(hung) == len(self._doors)
        self._cut(hung)
        if not hung:
            self._knock_at = time.monotonic() + _AGAIN_SECONDS

    def _is_suspicious(self, now: float) -> bool:
        with self._lock:
            since = [*(since for since, _ in self._in_use.values()), *self._connecting.values()]
        return any(now - each > SUSPICIOUS_SECONDS for each in since)

    def _cut(self, hung: Collection[ServerProbe]) -> None:
        """End the connections in use to these servers, also where an answer is waited for."""
        with self._lock:
            for raw in [raw for raw, (_, door) in self._in_use.items() if door in hung]:
                with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(raw.fileno())) as peer:
                    peer.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        while True:
            time.sleep(_POLL_SECONDS)
            self.look()


watch = Watch()


class WatchedConnections:
    """Put before a DatabaseWrapper of Django's: the watch knows which connections of a web process are in use."""

    connection: Any

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Connect, or take a connection from the pool. Fails at once while the server hangs."""
        with watch.connecting():
            raw = self.open_connection(conn_params)
        if is_bounded():
            watch.begin(raw)
        return raw

    def open_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Do what Django does."""
        raw: psycopg.Connection[Any] = super().get_new_connection(conn_params)  # type: ignore[misc]
        return raw

    def close(self) -> None:
        """Give the connection back to the pool, or close it."""
        if self.connection is not None:
            watch.end(self.connection)
        super().close()  # type: ignore[misc]
