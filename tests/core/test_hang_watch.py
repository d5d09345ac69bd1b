"""A server that hangs is told from one that is slow, and from one that is gone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import override_settings

from pulseops.core.db import hang_watch
from pulseops.core.db.hang_watch import ServerProbe, Watch, probes_of, watch
from pulseops.pages.error_pages import is_database_away
from tests.support.installation import free_port
from tests.support.waiting import wait_until


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hang_watch, "SUSPICIOUS_SECONDS", 0.2)
    monkeypatch.setattr(hang_watch, "_PROBE_SECONDS", 0.2)
    monkeypatch.setattr(hang_watch, "_AGAIN_SECONDS", 0.2)


@pytest.fixture
def silent() -> Iterator[ServerProbe]:
    """A door behind which no one moves."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield ServerProbe("127.0.0.1", server.getsockname()[1])


def test_a_living_server_opens(db: None) -> None:
    connection.ensure_connection()
    raw: Any = connection.connection
    assert ServerProbe(raw.info.host, raw.info.port).responds()


def test_one_that_is_gone_does_not_hang(tmp_path: Path) -> None:
    assert ServerProbe("127.0.0.1", free_port()).responds()
    assert ServerProbe(str(tmp_path), 5432).responds()


def test_one_that_says_nothing_does(hurried: None, silent: ServerProbe) -> None:
    assert not silent.responds()


@pytest.fixture
def other(transactional_db: None) -> Iterator[Any]:
    """A second connection to the test's database, watched as those of web processes are."""
    made = connection.copy()
    with override_settings(DATABASE_POOL_SIZE=5):
        made.ensure_connection()
        yield made
    watch.is_hung = False
    made.close()


def test_a_slow_answer_of_a_living_server_is_waited_for(
    hurried: None, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hang_watch, "_PROBE_SECONDS", 20)  # it opens, but on a busy machine not at once
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.2), 7")
        assert cursor.fetchone()[1] == 7


def test_waiting_requests_are_refused_and_no_other_let_in_until_it_answers(
    hurried: None, other: Any, silent: ServerProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    living, pid = watch._doors, other.connection.info.backend_pid
    since, _ = watch._in_use[other.connection]
    monkeypatch.setattr(watch, "_doors", (silent,))
    monkeypatch.setitem(watch._in_use, other.connection, (since, silent))
    started = time.monotonic()
    with pytest.raises(OperationalError) as raised, other.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")
    assert is_database_away(raised.value)
    wait_until(lambda: watch.is_hung)
    with pytest.raises(psycopg.OperationalError, match="does not answer"), watch.connecting():
        pytest.fail("somebody was let in")
    assert time.monotonic() - started < 15  # of twenty
    monkeypatch.setattr(watch, "_doors", living)
    wait_until(lambda: not watch.is_hung)
    other.close()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])  # it sleeps on, for no one


def test_of_several_servers_the_one_that_hangs_is_left_and_the_others_are_reached(
    hurried: None, other: Any, silent: ServerProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    living = watch._doors[0]
    mine = Watch()
    mine._doors = (silent, living)
    mine._in_use[other.connection] = (time.monotonic() - 60, living)
    mine.look()
    assert not mine.is_hung
    assert other.is_usable()
    mine._in_use[other.connection] = (time.monotonic() - 60, silent)
    mine.look()
    assert not mine.is_hung
    assert not other.is_usable()  # it was cut
    with mine.connecting():
        pass  # where the living one is found


def test_the_servers_of_an_address_are_known(other: Any) -> None:
    own = ServerProbe(other.connection.info.host, other.connection.info.port)
    assert probes_of(other.connection) == (own,)
    given = {"host": f"db1.invalid,{own.host}", "port": "6000,5432"}
    info = SimpleNamespace(host=own.host, port=5432, get_parameters=lambda: given)
    several: Any = SimpleNamespace(info=info)
    assert probes_of(several) == (ServerProbe(own.host, 5432), ServerProbe("db1.invalid", 6000))
    given["port"] = "7000"
    assert probes_of(several)[1:] == (ServerProbe("db1.invalid", 7000), ServerProbe(own.host, 7000))


def test_a_connection_that_was_given_back_is_not_watched(hurried: None, other: Any) -> None:
    raw = other.connection
    assert raw in watch._in_use
    other.close()
    assert raw not in watch._in_use


def test_only_web_processes_are_watched(transactional_db: None) -> None:
    made = connection.copy()
    made.ensure_connection()
    assert made.connection not in watch._in_use
    made.close()


def test_a_thread_that_only_connects_is_a_reason_to_knock_too(
    hurried: None, silent: ServerProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Watch()
    mine._doors = (silent,)
    done = threading.Event()

    def connect() -> None:
        with mine.connecting():
            done.wait(60)

    thread = threading.Thread(target=connect)
    thread.start()
    wait_until(lambda: mine._connecting)
    with monkeypatch.context() as patience:
        patience.setattr(hang_watch, "SUSPICIOUS_SECONDS", 60)
        mine.look()
    assert not mine.is_hung  # it has only just begun
    wait_until(lambda: mine.look() or mine.is_hung)
    done.set()
    thread.join()
