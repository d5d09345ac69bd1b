"""The second wall between organisations: what a page may read and change, PostgreSQL asks again.

A guard of `accounts.tenancy` runs its view `within_wall`: there statements run as the role DATABASE_WEB_ROLE, which
owns nothing, with `app.org_id` and `app.user_id` set, and the policies of `row_policies` show it the rows of that
organisation alone. Role and settings go with the first statement in one message, so they cost no way to the database,
and are taken back when the connection goes back to its pool. Everything else (ingest, the worker, signing in, the
Django admin) runs as the role of DATABASE_URL, which owns the tables and is asked nothing.

Inside a transaction they go with every statement, since a rollback would take them back unseen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from psycopg import sql as pgsql
from psycopg.pq import TransactionStatus

_ASK_AGAIN_SECONDS = 30.0
_STATE = "row_security_state"  # an attribute of psycopg's connection: what its session was last told
_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a request is about, and who asks."""

    org_id: UUID
    user_id: UUID


_scope: ContextVar[Scope | None] = ContextVar("row_security_scope", default=None)
_is_up: dict[str, tuple[bool, float]] = {}  # by database alias: whether the wall stands, and when that was asked


@contextmanager
def within_wall(scope: Scope | None) -> Iterator[None]:
    """Let statements within see the rows of the scope's organisation alone."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def stream_within_wall(scope: Scope | None, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Give `chunks`, each of them made within the wall, for an answer is streamed when its view has returned."""
    iterator = iter(chunks)
    while True:
        with within_wall(scope):
            try:
                chunk = next(iterator)
            except StopIteration:
                return
        yield chunk


def current_scope() -> Scope | None:
    """Return the scope of the current request, None outside the wall."""
    return _scope.get()


@contextmanager
def outside_the_wall(reason: str) -> Iterator[None]:
    """Run what is about more than the current organisation as the owner; `reason` is for the reader of the code."""
    assert reason
    with within_wall(None):
        yield


def watch_connection(connection: Any, **_: Any) -> None:
    """Receive `connection_created`: put `_with_scope` before the statements of a connection, outermost of all."""
    if _with_scope not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _with_scope)


def _with_scope(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    connection, cursor = context["connection"], context["cursor"]
    commands = [] if _ends_savepoint(sql) else _commands(connection)
    if not commands:
        return execute(sql, params, many, context)
    is_alone = many or not isinstance(sql, str) or isinstance(cursor.cursor, psycopg.ServerCursor)
    if is_alone or _scope.get() is None:  # as the owner, statements may be such as stand in no transaction
        _send(connection, commands)
        return execute(sql, params, many, context)
    result = execute("; ".join([*commands, sql]), params, many, context)
    for _ in commands:
        cursor.nextset()
    _remember(connection)
    return result


def _ends_savepoint(sql: Any) -> bool:
    """Return whether a statement may come in a failed transaction, where no other is taken."""
    return isinstance(sql, str) and sql.startswith(("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO "))


def settle(connection: Any) -> None:
    """Bring a connection's role and settings up to date, for statements that do not go through Django's cursors."""
    if commands := _commands(connection):
        _send(connection, commands)


def _send(connection: Any, commands: list[str]) -> None:
    with connection.wrap_database_errors:
        connection.connection.execute("; ".join(commands))
    _remember(connection)


def _commands(connection: Any) -> list[str]:
    """Return what must be sent before the next statement; nothing where the session was told so already."""
    wanted = _scope.get()
    if getattr(connection.connection, _STATE, None) == wanted:
        return []
    if wanted is None:
        return _owner_commands(connection)
    if not wall_stands(connection):
        return []
    return [
        f"SET ROLE {pgsql.Identifier(settings.DATABASE_WEB_ROLE).as_string()}",
        f"SET app.org_id = '{wanted.org_id}'",
        f"SET app.user_id = '{wanted.user_id}'",
    ]


def _owner_commands(connection: Any) -> list[str]:
    role = connection.settings_dict["OPTIONS"].get("assume_role")
    owner = pgsql.Identifier(role).as_string() if role else "NONE"
    return [f"SET ROLE {owner}", "SET app.org_id = ''", "SET app.user_id = ''"]


def _remember(connection: Any) -> None:
    is_lasting = connection.autocommit and not connection.in_atomic_block
    setattr(connection.connection, _STATE, _scope.get() if is_lasting else _UNKNOWN)


def clean(connection: Any) -> None:
    """Take role and settings back before a connection goes to its pool, or close it where that fails."""
    raw = connection.connection
    if raw is None or raw.closed or getattr(raw, _STATE, None) is None:
        return
    try:
        if raw.info.transaction_status != TransactionStatus.IDLE:
            raw.rollback()
        raw.execute("; ".join(_owner_commands(connection)))
        setattr(raw, _STATE, None)
    except psycopg.Error:
        raw.close()


class WalledConnections:
    """A database backend whose connections go back to their pool as the owner's."""

    def _close(self) -> None:
        clean(self)
        super()._close()  # type: ignore[misc]  # Django's backend


def wall_stands(connection: Any) -> bool:
    """Return whether this database has the web's role, and our role may become it; asked once, or every 30 s if not."""
    stands, asked_at = _is_up.get(connection.alias, (False, float("-inf")))
    if not stands and time.monotonic() - asked_at > _ASK_AGAIN_SECONDS:
        stands = bool(settings.DATABASE_WEB_ROLE) and _ask(connection)
        _is_up[connection.alias] = stands, time.monotonic()
    return stands


# pg_has_role tells 'MEMBER' of who may only grant the role, from PostgreSQL 16 on.
_QUESTION = """
    SELECT CASE WHEN to_regrole(quote_ident(%(role)s)) IS NULL OR to_regclass('orgs') IS NULL THEN false ELSE
        pg_has_role(%(role)s, CASE WHEN current_setting('server_version_num')::int < 160000
                              THEN 'MEMBER' ELSE 'SET' END)
        AND has_table_privilege(%(role)s, to_regclass('orgs'), 'SELECT')
        AND (SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass('orgs'))
    END
"""


def _ask(connection: Any) -> bool:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        row = connection.connection.execute(_QUESTION, {"role": settings.DATABASE_WEB_ROLE}).fetchone()
    return bool(row[0])


def forget_databases() -> None:
    """Ask again whether the wall stands; after `migrate`, which may have built it."""
    _is_up.clear()
