"""gunicorn's worker of threads, none of which waits for a client without end.

Whoever sends half a head and then nothing, or takes nothing of a long answer, would keep their thread for ever; as many
of them as there are threads, and nobody else is answered.
"""

from __future__ import annotations

import select
import time
from collections import deque
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import message
from gunicorn.workers.gthread import ThreadWorker

from pulseops.core.web.read_deadline import reading_within
from pulseops.server.buffered_socket import Peer
from pulseops.server.connection_balance import shares
from pulseops.server.options import HEAD_LINE_BYTES, WEB_REQUEST_SECONDS

STAY_SECONDS = 0.005  # for a client's next request to come
LINGER_SECONDS = 0.5  # for a client to hang up after the last answer
HESITATION_SECONDS = 0.002  # for a process with fewer connections to take the next one

message.MAX_REQUEST_LINE = HEAD_LINE_BYTES  # its settings may not ask for more than its own 8,190


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def http_date(timestamp: float | None = None) -> str:
    """Return the Date of an answer (RFC 9110 6.6.1); it takes longer to write than a log to check, so once a second."""
    return _date(int(time.time() if timestamp is None else timestamp))


util.http_date = http_date


class BoundedWorker(ThreadWorker):
    """Named in pulseops.server.gunicorn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queued: deque[None] = deque()  # one for each connection that waits for a thread

    def accept(self, listener: Any) -> None:
        """Take the next client, unless another process does that has fewer."""
        if shares.is_anybodys_less(self.nr_conns):
            time.sleep(HESITATION_SECONDS)
        super().accept(listener)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for clients that connect or send on, and for threads that are done."""
        if self.alive:
            shares.tell(self.age, self.nr_conns)
        else:
            shares.forget(self.age)
        super().wait_for_and_dispatch_events(timeout)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection with a request to the threads."""
        if not isinstance(conn.sock, Peer):
            conn.sock = Peer.take_over(conn.sock)
        self._queued.append(None)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve a connection's request, and those that follow at once while nobody waits for the thread.

        Going back to the main thread, which would watch the connection and hand it to a thread again, costs more than
        taking in a log.
        """
        self._queued.pop()
        kept = self._serve(conn)
        while kept is True and self.alive and not self._queued and _more_comes(conn):
            kept = self._serve(conn)
        return kept

    def _serve(self, conn: Any) -> Any:
        """Serve one request. An answer may take longer; then the connection is not used for another."""
        with reading_within(conn.sock, WEB_REQUEST_SECONDS):
            conn.sock.hold()  # the answer's head, for its body
            kept = super().handle(conn)
            try:
                conn.sock.flush()
            except OSError:  # it hung up, or takes nothing
                kept = False
        if kept is False:
            _hang_up(conn)
        return kept


def _more_comes(conn: Any) -> bool:
    """Tell whether the client's next request begins to arrive within a moment."""
    if conn.parser.unreader.buf.getvalue():
        return True
    arrival = select.poll()  # select() knows no more than 1,024 files
    arrival.register(conn.sock, select.POLLIN)
    return bool(arrival.poll(STAY_SECONDS * 1000))


def _hang_up(conn: Any) -> None:
    """Close a connection here. gunicorn would do it on its main thread, which accepts nobody while a client lingers."""
    util.close_graceful(conn.sock, timeout=LINGER_SECONDS)
    conn.close = lambda graceful=False: None
