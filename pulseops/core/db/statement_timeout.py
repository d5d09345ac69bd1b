"""One query within a time of its own, whatever else the connection may take."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.utils import DatabaseError

from pulseops.core.db.answer_timeout import answer_milliseconds
from pulseops.core.db.distribution import is_worker_away

log = logging.getLogger(__name__)
LEAST_SECONDS = 0.02
# JIT pays for queries of seconds, ours are to take milliseconds; parallel workers would give one reader all cores.
_LIMITS = "SET LOCAL jit = {}; SET LOCAL max_parallel_workers_per_gather = {}; SET LOCAL statement_timeout = {}"


_ONE_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ"

# SQLSTATEs (manual, appendix A) of what the database says to this one query: not supported, cardinality, data, syntax
# and access, limits of a program (stack depth, complexity), memory and temporary files, and its own internal errors.
# All others are about the server or the connection: lost, refused, shutting down, deadlocked.
_OF_THE_QUERY = ("0A", "21", "22", "42", "53200", "53400", "54", "XX000")


class BoundedQueryError(Exception):
    """The query gave no rows: it took too long, or the database cannot run it. The connection is as before."""


class QueryTimeoutError(BoundedQueryError):
    """The query took longer than it was given."""


class QueryFailedError(BoundedQueryError):
    """The database cannot run the query, however often it is asked; `reason` is its first line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fetch_within(seconds: float, sql: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return what `sql`, one statement, selects; raises BoundedQueryError, after which the connection is as before.

    The limits go with the query in one message: one way to the database and back, which PostgreSQL takes as one
    transaction. They are lifted in the same message: if time ran out just as the query ended, the server would else
    notice it no sooner than at the next command, and cancel that. Inside a transaction a savepoint keeps what was done
    before from a query that is cancelled.
    """
    limits = _LIMITS.format("off", 0, round(max(seconds, LEAST_SECONDS) * 1000))
    message = "; ".join([limits, sql, _LIMITS.format("DEFAULT", "DEFAULT", answer_milliseconds() or "DEFAULT")])
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with savepoint, connection.cursor() as cursor:
            cursor.execute(message, params)
            while cursor.description is None:  # what the settings answered
                cursor.nextset()
            return list(cursor.fetchall())
    except DatabaseError as error:
        _raise_bounded(error)
        raise


def _raise_bounded(error: DatabaseError) -> None:
    """Raise the BoundedQueryError that `error` means, if it means one."""
    if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
        raise QueryTimeoutError from error
    if not is_of_the_query(error):
        return
    log.warning("the database cannot run a query", extra={"error": str(error).strip()[:500]})
    raise QueryFailedError(str(error).strip().partition("\n")[0][:200]) from error


def fetch_together(
    seconds: float, statements: Sequence[tuple[str, Sequence[Any] | Mapping[str, Any]]]
) -> list[list[tuple[Any, ...]]]:
    """Return what each of the statements selects, all of them in the same state of the database.

    Otherwise as `fetch_within`: one message, `seconds` for each statement. In a transaction they see what that sees.
    """
    if connection.in_atomic_block:
        return [fetch_within(seconds, sql, params) for sql, params in statements]
    limits = _LIMITS.format("off", 0, round(max(seconds, LEAST_SECONDS) * 1000))
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.ClientCursor(connection.connection) as writer:
        written = [writer.mogrify(sql, params) for sql, params in statements]
    try:
        with connection.cursor() as cursor:
            cursor.execute("; ".join([_ONE_SNAPSHOT, limits, *written, "COMMIT"]))
            found = []
            while True:
                if cursor.description is not None:
                    found.append(list(cursor.fetchall()))
                if not cursor.nextset():
                    return found
    except DatabaseError as error:
        _end_transaction()
        _raise_bounded(error)
        raise


def _end_transaction() -> None:
    """Leave the transaction that a failed message has begun."""
    raw = connection.connection
    if raw is not None and not raw.closed:
        with connection.wrap_database_errors:
            raw.rollback()


def is_of_the_query(error: BaseException) -> bool:
    """Return whether the database could not run what it was given; else the server or the connection has failed."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    if not isinstance(cause, psycopg.Error) or is_worker_away(error):
        return False
    if cause.sqlstate is None:  # psycopg itself refuses a value, such as a text that holds NUL
        return isinstance(cause, psycopg.DataError | psycopg.ProgrammingError)
    return cause.sqlstate.startswith(_OF_THE_QUERY)
