"""One query within a time of its own, whatever else the connection may take."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.utils import OperationalError

LEAST_SECONDS = 0.02
# JIT pays for queries of seconds, ours are to take milliseconds; parallel workers would give one reader all cores.
_LIMITS = "SET LOCAL jit = {}; SET LOCAL max_parallel_workers_per_gather = {}; SET LOCAL statement_timeout = {}"


class QueryTimeoutError(Exception):
    """The query took longer than it was given."""


def fetch_within(seconds: float, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return what `sql`, one statement, selects; raises QueryTimeoutError, after which the connection is as before.

    The limits go with the query in one message: one way to the database and back, which PostgreSQL takes as one
    transaction. They are lifted in the same message: if time ran out just as the query ended, the server would else
    notice it no sooner than at the next command, and cancel that. Inside a transaction a savepoint keeps what was done
    before from a query that is cancelled.
    """
    limits = _LIMITS.format("off", 0, round(max(seconds, LEAST_SECONDS) * 1000))
    message = "; ".join([limits, sql, _LIMITS.format("DEFAULT", "DEFAULT", "DEFAULT")])
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with savepoint, connection.cursor() as cursor:
            cursor.execute(message, params)
            while cursor.description is None:  # what the settings answered
                cursor.nextset()
            return list(cursor.fetchall())
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise QueryTimeoutError from error
        raise
