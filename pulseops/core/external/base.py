"""The Django side of a PostgreSQL by DATABASE_URL: Django's own, but it waits for no server that hangs."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db.backends.postgresql import base as postgresql

from pulseops.core.db.hang_watch import watch


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """A connection to the server of DATABASE_URL."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Connect, or take a connection from the pool. Fails at once while the server hangs."""
        with watch.connecting():
            connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
            return connection
