"""A worker of Citus that does not answer keeps a part of the connections, and no one who comes after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from django.db import OperationalError
from pytest_django import Settings

from logs.ingest.guards import room_to_store
from pulseops.core.db import distribution, worker_breaker
from pulseops.core.db.worker_breaker import WorkerBreaker, WorkerBreakers, WorkerSilentError

LOST = psycopg.errors.ConnectionFailure("connection to the remote node failed")


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)  # else a machine that stands still for a second would make a worker silent
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(worker_breaker, "time", clock)
    return clock


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Let this process take its database for one on Citus, and itself for a web process."""
    monkeypatch.setattr(distribution, "_answers", {"default": (frozenset({"logs"}), 0.0)})
    settings.DATABASE_POOL_SIZE = 6


@contextmanager
def busy(breaker: WorkerBreaker, number: int) -> Iterator[None]:
    """Let so many threads ask the worker, which does not answer."""
    answered = threading.Event()
    entered = threading.Semaphore(0)

    def ask() -> None:
        with breaker.room():
            entered.release()
            answered.wait(60)

    with ThreadPoolExecutor(number) as pool:
        asked = [pool.submit(ask) for _ in range(number)]
        for _ in asked:
            assert entered.acquire(timeout=60)
        try:
            yield
        finally:
            answered.set()


def fail(breaker: WorkerBreaker) -> None:
    with pytest.raises(OperationalError, match="remote node"), breaker.room():
        raise OperationalError(str(LOST)) from LOST


def test_who_comes_to_a_silent_worker_is_refused_at_once(clock: Clock) -> None:
    breaker = WorkerBreaker(3)
    with busy(breaker, 1):
        clock.now += 0.7
        with breaker.room():  # it has not been silent for long; and what ends is heard of it
            pass
        clock.now += 0.7
        assert not breaker.is_silent
        clock.now += 0.2
        assert breaker.is_silent
        with pytest.raises(WorkerSilentError), breaker.room():
            pass
    assert not breaker.is_silent
    with breaker.room():
        pass


def test_who_waits_for_room_is_refused_when_the_worker_is_found_silent(clock: Clock) -> None:
    breaker = WorkerBreaker(1)
    with busy(breaker, 1), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: breaker.room().__enter__())
        clock.now += 1
        assert isinstance(waiting.exception(60), WorkerSilentError)


def test_who_waits_for_room_has_it_when_another_is_done() -> None:
    breaker = WorkerBreaker(1)
    with ThreadPoolExecutor(1) as pool:
        with busy(breaker, 1):
            waiting = pool.submit(lambda: breaker.room().__enter__())
        waiting.result(60)


@pytest.mark.usefixtures("cluster")
def test_one_at_a_time_tries_whether_the_worker_is_back() -> None:
    breaker = WorkerBreaker(3)
    fail(breaker)
    assert not breaker.is_silent
    with busy(breaker, 1):
        assert breaker.is_silent
        with pytest.raises(WorkerSilentError), breaker.room():
            pass
    with busy(breaker, 2):  # the one has found it back
        assert not breaker.is_silent


@pytest.mark.usefixtures("cluster")
def test_other_errors_say_nothing_of_the_worker() -> None:
    breaker = WorkerBreaker(3)
    error = psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")
    with pytest.raises(OperationalError), breaker.room():
        raise OperationalError(str(error)) from error
    with busy(breaker, 2):
        assert not breaker.is_silent


@pytest.mark.usefixtures("cluster")
@pytest.mark.django_db
def test_organisations_of_other_workers_do_not_notice(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    breakers, (silent, other) = WorkerBreakers(), (uuid4(), uuid4())
    asked = []

    def group_of(org_id: object) -> int:
        asked.append(org_id)
        return 1 if org_id == silent else 2

    monkeypatch.setattr(worker_breaker, "_group_of", group_of)
    monkeypatch.setattr("logs.ingest.guards.breakers", breakers)
    with breakers.room_for(silent):
        clock.now += 1
        assert breakers.is_silent(silent)
        with pytest.raises(WorkerSilentError), room_to_store(silent):
            pass
        with room_to_store(other):
            assert not breakers.is_silent(other)
    clock.now += 60
    with breakers.room_for(silent):  # shards are moved: it is asked again
        pass
    assert asked == [silent, other, silent]


@pytest.mark.django_db
def test_a_plain_database_bounds_no_one() -> None:
    breakers = WorkerBreakers()
    with breakers.room_for(uuid4()), breakers.room_for(uuid4()):
        assert breakers._groups == {}
