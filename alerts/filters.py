"""A rule's filter: the explorer's grammar, compiled to a condition on `logs`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction

from logs.search.compiler import Compiler, Condition
from logs.search.mistakes import Mistake
from logs.search.parser import parse
from logs.search.scopes import Scopes

ANY = Condition("TRUE")


class TooSlowError(Exception):
    """Counting took longer than it was given."""


def check_filter(query: str) -> None:
    """Raise ValueError with the mistake and its remedy unless `query` can be understood."""
    try:
        parse(query)
    except Mistake as mistake:
        raise ValueError(f"{mistake.message} {mistake.hint}".strip()) from mistake


def compiled(query: str, scopes: Scopes) -> Condition:
    """Return what `query` means for the organisation whose services are `scopes`; it has been checked."""
    condition = Compiler(scopes).compile(parse(query)) if query else ANY
    return condition if condition.sql else ANY


def rows_within(seconds: float, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """Run one statement for at most `seconds`; raises TooSlowError, after which the transaction goes on."""
    with _limited(seconds), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds * 1000:.0f}ms"])
            yield
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TooSlowError from error
        raise
