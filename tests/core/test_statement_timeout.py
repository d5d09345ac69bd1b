from __future__ import annotations

import pytest
from django.db import connection, transaction

from pulseops.core.db.statement_timeout import LEAST_SECONDS, QueryTimeoutError, fetch_within

SETTINGS = "SELECT current_setting('jit'), current_setting('statement_timeout')"


def settings_now() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        jit, timeout = cursor.fetchone()
    return jit, timeout


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_inside", [False, True], ids=["on its own", "inside a transaction"])
def test_limits_are_those_of_one_query(is_inside: bool) -> None:
    before = settings_now()
    if is_inside:
        with transaction.atomic():
            assert fetch_within(3, SETTINGS, []) == [("off", "3s")]
            assert settings_now() == before
    else:
        assert fetch_within(3, SETTINGS, []) == [("off", "3s")]
    assert settings_now() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_inside", [False, True], ids=["on its own", "inside a transaction"])
def test_what_takes_too_long_spoils_nothing(is_inside: bool) -> None:
    before = settings_now()
    if is_inside:
        with transaction.atomic():
            with pytest.raises(QueryTimeoutError):
                fetch_within(0.05, "SELECT pg_sleep(%s)", [20])
            assert settings_now() == before
    else:
        with pytest.raises(QueryTimeoutError):
            fetch_within(0.05, "SELECT pg_sleep(%s)", [20])
    assert settings_now() == before


@pytest.mark.django_db(transaction=True)
def test_it_is_one_message(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert fetch_within(20, "SELECT %s, '100 %%'", [2]) == [(2, "100 %")]


@pytest.mark.django_db
def test_no_rows_are_no_rows() -> None:
    assert fetch_within(20, "SELECT 1 WHERE false", []) == []


@pytest.mark.django_db(transaction=True)
def test_time_that_runs_out_at_the_last_moment_is_not_the_next_querys() -> None:
    """Every tenth query that took just its time had the one behind it cancelled."""
    rows = 20_000
    for _ in range(60):
        try:
            fetch_within(LEAST_SECONDS, "SELECT count(*) FROM generate_series(1, %s)", [rows])
            rows = round(rows * 1.1)  # until it takes just as long as it may
        except QueryTimeoutError:
            rows = round(rows / 1.2)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
