"""A database that does not answer is given up after a while, and looks like one that is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import override_settings

from pulseops.core.db import answer_timeout
from pulseops.core.db.answer_timeout import answers_may_take, bound_waits
from pulseops.pages.error_pages import is_database_away


@pytest.fixture
def other(transactional_db: None) -> Iterator[Any]:
    """A second connection to the test's database."""
    made = connection.copy()
    made.ensure_connection()
    yield made
    made.close()


def test_a_wait_ends_and_the_connection_with_it(other: Any) -> None:
    bound_waits(other.connection, 0.3)
    started = time.monotonic()
    with pytest.raises(OperationalError, match="has not answered") as raised, other.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")
    assert time.monotonic() - started < 15  # of twenty
    assert is_database_away(raised.value)
    assert other.connection.closed
    other.close_if_unusable_or_obsolete()
    with other.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_what_is_quick_is_left_alone(other: Any) -> None:
    bound_waits(other.connection, 30)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.01), 7")
        assert cursor.fetchone()[1] == 7
        with cursor.copy("COPY (SELECT generate_series(1, 3)) TO STDOUT") as copy:
            assert [int(row[0]) for row in copy.rows()] == [1, 2, 3]


def test_what_takes_its_time_is_waited_for(other: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_timeout, "connection", other)
    bound_waits(other.connection, 0.2)
    with answers_may_take(20), other.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.5)")
    with pytest.raises(OperationalError), other.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.5)")


@pytest.mark.parametrize(("pool_size", "is_bound"), [(5, True), (0, False)])
def test_only_web_processes_are_in_a_hurry(transactional_db: None, pool_size: int, is_bound: bool) -> None:
    with override_settings(DATABASE_POOL_SIZE=pool_size):
        made = connection.copy()
        made.ensure_connection()
    assert ("wait" in vars(made.connection)) is is_bound
    made.close()
