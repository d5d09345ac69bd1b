"""gunicorn's worker of threads, none of which waits for a client without end.

Whoever sends half a head and then nothing, or takes nothing of a long answer, would keep their thread for ever; as many
of them as there are threads, and nobody else is answered.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from pulseops.core.slow_clients import reading_within
from pulseops.serving import WEB_REQUEST_SECONDS

ANSWER_SECONDS = 30  # without a byte of the answer being taken
LINGER_SECONDS = 0.5  # for a client to hang up after the last answer


class BoundedWorker(ThreadWorker):
    """Named in pulseops.gunicorn."""

    def handle(self, conn: Any) -> Any:
        """Serve one request. An answer may take longer; then the connection is not used for another."""
        bound = struct.pack("ll", ANSWER_SECONDS, 0)  # struct timeval
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)
        with reading_within(conn.sock, WEB_REQUEST_SECONDS):
            kept = super().handle(conn)
        if kept is False:
            _hang_up(conn)
        return kept


def _hang_up(conn: Any) -> None:
    """Close a connection here. gunicorn would do it on its main thread, which accepts nobody while a client lingers."""
    util.close_graceful(conn.sock, timeout=LINGER_SECONDS)
    conn.close = lambda graceful=False: None
