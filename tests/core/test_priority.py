"""Long work gives way: the priority of the embedded server's processes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from django.db import connections
from django.db.backends.signals import connection_created

from alerts.evaluate import Report
from pulseops.core.db import priority
from pulseops.core.db.priority import give_way_always, lower_priority, restore_priority
from pulseops.core.jobs.low_priority import at_low_priority
from pulseops.core.web.correlation import correlated, correlation_id
from pulseops.server.dispatcher import Dispatcher
from tests.support.factories import make_org

RENICED = pytest.mark.plain_database("renices the processes of the embedded server")


def niceness(connection: Any) -> int:
    """Return the niceness of the process that works for a connection."""
    connection.ensure_connection()
    return int(psutil.Process(connection.connection.info.backend_pid).nice())


@pytest.fixture
def connection() -> Iterator[Any]:
    """A connection beside the tests' own."""
    mine = connections["default"].copy()
    mine.ensure_connection()
    yield mine
    mine.close()


@RENICED
@pytest.mark.django_db
def test_a_connection_gives_way_until_it_has_its_priority_again(connection: Any) -> None:
    usual = niceness(connection)
    assert lower_priority(connection)
    assert lower_priority(connection), "twice is as once"
    assert niceness(connection) == usual + 10
    restore_priority(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert niceness(connection) == usual


@RENICED
@pytest.mark.django_db
def test_where_only_root_may_raise_it_a_new_connection_takes_its_place(
    connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower_priority(connection)
    former, set_niceness = connection.connection, psutil.Process.nice

    def as_the_user(process: psutil.Process, value: int | None = None) -> Any:
        if value is None or value > set_niceness(process):
            return set_niceness(process, value)
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "nice", as_the_user)
    restore_priority(connection)
    assert former.closed
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert niceness(connection) == niceness(connections["default"])


@pytest.mark.django_db
def test_what_is_no_server_of_ours_is_left_alone(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = niceness(connection)
    monkeypatch.setattr(psutil.Process, "name", lambda _: "another")
    assert not lower_priority(connection)
    monkeypatch.undo()
    connection.close()
    assert not lower_priority(connection)
    restore_priority(connection)
    connection.ensure_connection()
    assert niceness(connection) == usual


@RENICED
@pytest.mark.django_db
def test_rules_of_the_slow_lane_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    org_id, seen = make_org().pk, list[int]()
    usual, own = niceness(connections["default"]), Dispatcher()

    def evaluate(*_: Any, **__: Any) -> Report:
        seen.append(niceness(connections["default"]) - usual)
        return Report()

    monkeypatch.setattr("pulseops.server.dispatcher.evaluate", evaluate)
    own.agenda.wake(org_id)
    own._have_turn(is_slow=False)
    own.agenda._free_at.clear()
    own.agenda._note_cost(org_id, 1.0)
    own.agenda.wake(org_id)
    own._have_turn(is_slow=True)
    restore_priority(connections["default"])
    assert seen == [0, 10]


@RENICED
@pytest.mark.django_db
def test_all_connections_of_a_worker_give_way(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priority, "_all_give_way", threading.Event())
    monkeypatch.setattr(priority, "own_connection", connection)
    usual = niceness(connection)
    give_way_always()
    assert niceness(connection) == usual + 10
    later = connections["default"].copy()
    connection_created.send(sender=type(later), connection=later)  # before there is one
    later.ensure_connection()
    assert niceness(later) == usual + 10
    later.close()


def own_niceness() -> int:
    """Return the niceness of this thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own in Linux alone")
def test_work_of_a_worker_gives_way_on_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priority, "_all_give_way", threading.Event())
    usual, own = own_niceness(), threading.get_ident()
    assert at_low_priority(lambda: (own_niceness(), threading.get_ident())) == (usual, own), "this is no worker"
    priority._all_give_way.set()
    with correlated("abc"):
        seen = at_low_priority(lambda: (own_niceness(), threading.get_ident() == own, correlation_id()))
    assert seen == (min(usual + 10, 19), False, "abc")
    assert own_niceness() == usual
    with pytest.raises(ZeroDivisionError):
        at_low_priority(lambda: 1 // 0)


@RENICED
@pytest.mark.django_db(transaction=True)
def test_work_that_gives_way_has_a_connection_that_does_and_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priority, "_all_give_way", threading.Event())
    usual = niceness(connections["default"])
    priority._all_give_way.set()
    seen: list[Any] = []

    def work() -> int:
        connections["default"].ensure_connection()
        seen.append(connections["default"].connection)
        return niceness(connections["default"])

    assert at_low_priority(work) == usual + 10
    assert seen[0].closed
