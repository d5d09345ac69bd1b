"""The Django side of a PostgreSQL by DATABASE_URL: Django's own, but it waits for no server that hangs."""

from __future__ import annotations

from django.db.backends.postgresql import base as postgresql

from pulseops.core.db.hang_watch import WatchedConnections
from pulseops.core.db.row_security import WalledConnections


class DatabaseWrapper(WalledConnections, WatchedConnections, postgresql.DatabaseWrapper):
    """A connection to the server of DATABASE_URL."""
