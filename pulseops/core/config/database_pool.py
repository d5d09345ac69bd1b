"""That the threads of a process share its connections to the database, where settings say so or are loaded already."""

from __future__ import annotations

from typing import Any


def share_connections(database: dict[str, Any], *, size: int, wait_seconds: float) -> None:
    """Let `database`, one of DATABASES, have a pool of `size` connections, for one of which a thread waits so long."""
    database.setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": size, "timeout": wait_seconds}
    database["CONN_MAX_AGE"] = 0  # what is pooled is given back after each request
