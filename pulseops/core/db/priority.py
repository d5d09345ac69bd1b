"""Long work gives way: the server's process that does it has a low priority beside those that others wait for.

Only of the embedded server, whose processes are this machine's and ours. Elsewhere nothing changes.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import psutil
from django.db import connection as own_connection

log = logging.getLogger(__name__)
LOWER_BY = 10  # of niceness: a tenth of a processor beside one that does not, all of an idle one
LOWER_BY_A_LITTLE = 5  # a quarter
_LOWEST = 19
_all_give_way = threading.Event()  # set by a process that is a worker; forked ones inherit it


def lower_priority(connection: Any, by: int = LOWER_BY) -> bool:
    """Let the work for a connection of Django's give way until `restore_priority`; returns whether it does."""
    backend = _backend_of(connection)
    if backend is None:
        return False
    try:
        backend.nice(min(_usual(backend) + by, _LOWEST))
    except (psutil.Error, OSError) as error:
        log.info("a connection cannot give way", extra={"error": str(error)})
        return False
    return True


def restore_priority(connection: Any) -> None:
    """Let a connection have its usual priority again; where only root may raise it, a new one takes its place."""
    backend = _backend_of(connection)
    if backend is None:
        return
    try:
        backend.nice(_usual(backend))
    except (psutil.Error, OSError):
        if not connection.in_atomic_block:
            connection.connection.close()  # or a pool would keep it
            connection.close()


def give_way_always(**_: Any) -> None:
    """Let all connections of this process give way, as those of a worker do, for which no one waits.

    Receives django-q's `pre_execute`, for a worker's processes that inherit nothing.
    """
    _all_give_way.set()
    lower_priority(own_connection)


def gives_way() -> bool:
    """Return whether this process is a worker, for which no one waits."""
    return _all_give_way.is_set()


def lower_new_connection(connection: Any, **_: Any) -> None:
    """Receive `connection_created`."""
    if gives_way():
        lower_priority(connection)


def _backend_of(connection: Any) -> psutil.Process | None:
    """Return the embedded server's process behind a connection that is open."""
    raw = connection.connection
    if raw is None or raw.closed or not hasattr(connection, "server"):
        return None
    try:
        process = psutil.Process(raw.info.backend_pid)
        return process if process.name() == "postgres" else None
    except psutil.Error:
        return None


def _usual(backend: psutil.Process) -> int:
    """Return the niceness of the server itself."""
    server = backend.parent()
    return int(server.nice()) if server else 0
