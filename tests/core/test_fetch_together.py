"""Statements that see one state of the database, with the second wall before them and after they failed."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import Org
from pulseops.core.db.row_security import Scope, within_wall
from pulseops.core.db.statement_timeout import QueryFailedError, QueryTimeoutError, fetch_together, fetch_within
from services.models import Service
from tests.support.factories import make_org, make_service

pytestmark = pytest.mark.django_db(transaction=True)
OF_PAGES = pytest.mark.plain_database("asks as the role of the pages, which tests do not take there")
NAMES = ("SELECT name FROM services ORDER BY 1", [])


def test_they_see_the_same_state(org: Org) -> None:
    make_service(org, "api")
    began, done = threading.Event(), threading.Event()

    def add() -> None:
        began.wait(30)
        make_service(org, "worker")
        connection.close()
        done.set()

    thread = threading.Thread(target=add)
    thread.start()
    threading.Timer(0.2, began.set).start()
    before, _, after = fetch_together(30, [NAMES, ("SELECT pg_sleep(%s)", [1.0]), NAMES])
    assert done.wait(30)
    thread.join()
    assert before == after == [("api",)]
    assert fetch_together(30, [NAMES]) == [[("api",), ("worker",)]]


@OF_PAGES
def test_the_wall_stands_before_them_and_after_they_failed(org: Org) -> None:
    make_service(org, "api")
    make_service(make_org("Other"), "theirs")
    with within_wall(Scope(org.pk, uuid4())):
        assert fetch_together(5, [NAMES, ("SELECT current_user", {})])[0] == [("api",)]
        with pytest.raises(QueryFailedError):
            fetch_together(5, [NAMES, ("SELECT 1 / %(zero)s", {"zero": 0})])
        with pytest.raises(QueryTimeoutError):
            fetch_together(0.05, [("SELECT pg_sleep(%s)", [5])])
        assert fetch_together(5, [NAMES]) == [[("api",)]]
        assert fetch_within(5, *NAMES) == [("api",)]
        assert [service.name for service in Service.objects.all()] == ["api"]
    assert len(fetch_together(5, [NAMES])[0]) == 2
    assert connection.get_autocommit()
    assert not connection.in_atomic_block


@OF_PAGES
def test_a_new_connection_meets_the_wall_in_the_same_message(org: Org) -> None:
    make_service(make_org("Other"), "theirs")
    connection.close()
    with within_wall(Scope(org.pk, uuid4())):
        assert fetch_together(5, [NAMES, ("SELECT current_setting('transaction_isolation')", [])]) == [
            [], [("repeatable read",)]
        ]  # fmt: skip
