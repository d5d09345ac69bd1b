"""The server ends waits of the web processes for a lock and for an answer; the connection stays usable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.test import override_settings

from pulseops.core.db import answer_timeout, statement_timeout
from pulseops.core.db.answer_timeout import answers_may_take, bound_new_connection, give_back_connection
from pulseops.core.db.statement_timeout import fetch_within
from pulseops.pages.error_pages import is_database_away, is_database_busy


@pytest.fixture
def web(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The connection of a web process that is in a hurry."""
    connection.ensure_connection()  # before the settings below, or it would be in a hurry too
    made = connection.copy()
    for module in (answer_timeout, statement_timeout):
        monkeypatch.setattr(module, "connection", made)
    with override_settings(DATABASE_POOL_SIZE=5, DATABASE_ANSWER_SECONDS=0.3, DATABASE_LOCK_SECONDS=0.2):
        made.ensure_connection()
        yield made
    made.close()


def limits(database: Any) -> tuple[str, str]:
    with database.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
        lock, statement = cursor.fetchone()
    return lock, statement


def sleep(database: Any, seconds: float) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def test_an_answer_is_waited_for_so_long_and_the_connection_goes_on(web: Any) -> None:
    with pytest.raises(OperationalError, match="statement timeout") as raised:
        sleep(web, 20)
    assert is_database_busy(raised.value)
    assert not is_database_away(raised.value)
    sleep(web, 0.01)


def test_a_lock_is_waited_for_so_long(web: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE incidents")
        with pytest.raises(OperationalError, match="lock timeout") as raised, web.cursor() as reading:
            reading.execute("SELECT count(*) FROM incidents")
    assert isinstance(raised.value.__cause__, psycopg.errors.LockNotAvailable)
    assert is_database_busy(raised.value)


def test_what_takes_its_time_is_waited_for(web: Any) -> None:
    with answers_may_take(20):
        sleep(web, 0.5)
    assert limits(web) == ("200ms", "300ms")


def test_what_takes_its_time_in_a_transaction_is_too(web: Any) -> None:
    web.set_autocommit(False)
    web.in_atomic_block = True
    with answers_may_take(20):
        sleep(web, 0.5)
    assert limits(web) == ("200ms", "300ms")
    web.in_atomic_block = False
    web.rollback()


def test_a_query_with_a_time_of_its_own_leaves_the_limit_as_it_was(web: Any) -> None:
    assert fetch_within(20, "SELECT current_setting('statement_timeout')", []) == [("20s",)]
    assert limits(web) == ("200ms", "300ms")


def test_limits_are_set_once_for_each_connection(web: Any) -> None:
    with web.cursor() as cursor:
        cursor.execute("SET lock_timeout = '7s'")
    bound_new_connection(web)  # as when the pool gives it out again
    assert limits(web) == ("7s", "300ms")


def test_only_web_processes_are_in_a_hurry(transactional_db: None) -> None:
    made = connection.copy()
    made.ensure_connection()
    assert limits(made) == ("0", "0")
    made.close()


def test_a_request_that_waits_for_something_else_gives_the_connection_back(web: Any) -> None:
    web.in_atomic_block = True
    give_back_connection()
    assert web.connection is not None
    web.in_atomic_block = False
    give_back_connection()
    assert web.connection is None
