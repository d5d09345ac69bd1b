"""What one query may bring about is an error of a type of its own, not of the server, and spoils nothing."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from pulseops.core.db.statement_timeout import QueryFailedError, fetch_within

STACK = " || ".join(['$."a" == 1'] * 30_000)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_inside", [False, True], ids=["on its own", "inside a transaction"])
@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT %s::jsonpath", ["$.x == 1\u0663"]),  # 42601, the very one of the poisoned rule
        ("SELECT '{}'::jsonb @@ %s::jsonpath", [STACK]),  # 54001
        ("SELECT %s::int", ["9" * 40]),  # 22003
        ("SELECT %s::uuid", ["x"]),  # 22P02
        ("SELECT 1 / %s", [0]),  # 22012
        ("SELECT (SELECT g FROM generate_series(1, %s) g)", [2]),  # 21000
        ("SELECT no_such_column FROM logs WHERE %s", [True]),  # 42703
        ("SELECT %s", ["\0"]),  # psycopg's own
        ("SELECT repeat('x', %s)", [2**31 - 1]),  # 54000
    ],
)
def test_what_the_database_cannot_run_is_reported_and_spoils_nothing(
    sql: str, params: list[object], is_inside: bool
) -> None:
    with transaction.atomic() if is_inside else transaction.atomic(durable=False):
        with pytest.raises(QueryFailedError) as caught:
            fetch_within(20, sql, params)
        assert caught.value.reason
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_not_the_querys() -> None:
    with pytest.raises(OperationalError):
        fetch_within(20, "SELECT pg_terminate_backend(pg_backend_pid()), %s", [1])
    connection.close()
