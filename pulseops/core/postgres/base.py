"""The Django side: a PostgreSQL backend that starts its server on the first connection, and again when one fails.

    DATABASES = {"default": {
        "ENGINE": "pulseops.core.postgres",
        "NAME": "pulseops",
        "EMBEDDED": {"SETTINGS": {"fsync": "off"}, "DIRECTORY": Path(...)},  # both optional
    }}

SETTINGS are the server's, read when it starts; DIRECTORY is DATA_DIR / "postgres" unless given. HOST, PORT, USER and
PASSWORD are not read. Everything else is as in Django's own backend.
"""

from __future__ import annotations

import os
import select
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base as postgresql
from django.utils.functional import cached_property
from psycopg_pool import ConnectionPool, PoolTimeout

from pulseops.core.db.hang_watch import WatchedConnections, watch
from pulseops.core.db.row_security import WalledConnections
from pulseops.core.postgres.client import DatabaseClient
from pulseops.core.postgres.embedded.server import EmbeddedServer, at_exit, embedded_server


class DatabaseWrapper(WalledConnections, WatchedConnections, postgresql.DatabaseWrapper):
    """A connection to the embedded server."""

    client_class = DatabaseClient
    _connection_pools: dict[str, ConnectionPool[Any]] = {}

    @cached_property
    def server(self) -> EmbeddedServer:
        """The server of these settings, one for all connections of this process."""
        embedded = self.settings_dict.get("EMBEDDED", {})
        return embedded_server(embedded.get("DIRECTORY") or settings.DATA_DIR / "postgres", embedded.get("SETTINGS"))

    @property
    def pool(self) -> ConnectionPool[Any] | None:
        """The pool of all threads of this process, or None where OPTIONS ask for none.

        It is not Django's only because its connections must start a server that died, in the pool's own threads.
        """
        options = self.settings_dict["OPTIONS"].get("pool")
        if not options or self.alias == NO_DB_ALIAS:
            return None
        if self.alias not in self._connection_pools:
            pool = self._new_pool({} if options is True else options)
            if self._connection_pools.setdefault(self.alias, pool) is pool:
                at_exit(pool.close)  # before the server is left: what is registered last comes first
        return self._connection_pools[self.alias]

    @property
    def _pool_timeout(self) -> float:
        """How long a thread waits for a connection of the pool, in seconds; psycopg's default is 30."""
        options = self.settings_dict["OPTIONS"]["pool"]
        return float(options.get("timeout", 30)) if isinstance(options, dict) else 30.0

    def _new_pool(self, options: dict[str, Any]) -> ConnectionPool[Any]:
        if self.settings_dict["CONN_MAX_AGE"] != 0:
            raise ImproperlyConfigured("Pooling doesn't support persistent connections.")
        return ConnectionPool(
            kwargs=self._pooled_connection_params,
            configure=self._configure_connection,  # type: ignore[attr-defined]
            open=False,
            **options,
        )

    def ensure_connection(self) -> None:
        """Connect if there is no connection, or if it is known to be dead and no transaction is open on it.

        Django replaces a dead connection between two requests only. What loops without requests (the worker's own
        processes, a shell) would fail until something else noticed; so it fails once, and is healed by its next query.
        """
        if self.connection is not None and self.connection.closed and self.autocommit:
            self.close()
        super().ensure_connection()

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters, the server's address among them; the first call starts the server."""
        return {**super().get_connection_params(), **self.server.join()}

    def open_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Connect; if that fails, see to it that the server runs and connect once more."""
        generation = self.server.generation
        try:
            return self._connect(conn_params)
        except PoolTimeout:
            if watch.is_hung:
                raise
            # Raises what keeps the server down, which the pool's threads only log.
            self.server.ensure_running(wait_seconds=self._pool_timeout)
            if self.server.generation == generation:
                raise  # it ran all the time: the pool is simply exhausted
            return self._connect(conn_params)
        except psycopg.OperationalError:
            return self._connect({**conn_params, **self.server.ensure_running()})

    def _connect(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Connect, or take a connection from the pool; none that died in the pool, which is emptied then."""
        while True:
            connection = super().open_connection(conn_params)
            if self.pool is None or not _has_hung_up(connection):
                return connection
            connection.close()
            self.pool.putconn(connection)  # which makes a new one in its place
            self.pool.drain()  # what died once has most likely died for all

    def _pooled_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        return {**params, **self.server.ensure_running(), "autocommit": True}


def _has_hung_up(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the server closed `connection`, which is idle.

    Without a round trip to the server: only then can something be read from an idle connection. (So can a notice; then
    the connection is replaced for nothing.)
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


_inherited_pools: list[ConnectionPool[Any]] = []


def _forget_inherited_pools() -> None:
    """In a forked child a pool's connections are the parent's and its threads are gone: another one is made instead.

    The old one is kept, because its connections would tell the server goodbye when they are collected.
    """
    _inherited_pools.extend(DatabaseWrapper._connection_pools.values())
    DatabaseWrapper._connection_pools.clear()


os.register_at_fork(after_in_child=_forget_inherited_pools)
