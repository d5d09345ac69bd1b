"""The Django side of the embedded server: connections and pools that heal, forks, commands, and being switched off."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from pulseops.core.postgres.base import DatabaseWrapper
from tests.core.embedded import NO_SYNC, Places, kill_server, postgres_processes
from tests.support.waiting import wait_until

POOL = {"CONN_HEALTH_CHECKS": True, "OPTIONS": {"pool": {"min_size": 1, "max_size": 4, "timeout": 5}}}
POOL_OF_ONE = {"CONN_HEALTH_CHECKS": True, "OPTIONS": {"pool": {"min_size": 1, "max_size": 1, "timeout": 5}}}
PERSISTENT = {"CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": None}


class Site:
    """A site on a server of its own: connections as its threads have them, each use a request."""

    def __init__(self, directory: Path, kind: dict[str, Any]) -> None:
        database = {
            "ENGINE": "pulseops.core.postgres",
            "NAME": "pulseops",
            "EMBEDDED": {"DIRECTORY": directory, "SETTINGS": NO_SYNC},
            **kind,
        }
        self.directory = directory
        self.connections = ConnectionHandler({"default": database, str(directory): database})  # an alias of its own

    @property
    def connection(self) -> DatabaseWrapper:
        connection = self.connections[str(self.directory)]
        assert isinstance(connection, DatabaseWrapper)
        return connection

    def request(self, query: str = "SELECT pg_backend_pid()") -> Any:
        """Run one query as a request does; return its first value."""
        self.connection.close_if_unusable_or_obsolete()
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone()[0]
        finally:
            self.connection.close_if_unusable_or_obsolete()

    def requests_at_once(self, count: int) -> list[int]:
        """Serve so many requests in threads, together; return the pid of the backend that served each."""
        together = threading.Barrier(count)
        pids: list[int] = []

        def serve() -> None:
            together.wait()
            try:
                pids.append(self.request("SELECT pg_backend_pid() FROM pg_sleep(0.1)"))
            finally:
                self.connection.close()

        threads = [threading.Thread(target=serve) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return pids

    def close(self) -> None:
        self.connection.close()
        self.connection.close_pool()
        self.connection.server.leave()


@pytest.fixture(params=[PERSISTENT, POOL], ids=["persistent", "pool"])
def site(request: pytest.FixtureRequest, places: Places, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    site = Site(places.ready(), request.param)
    with django_db_blocker.unblock():
        yield site
        site.close()


def test_the_next_request_after_a_kill_heals(site: Site) -> None:
    before = {*site.requests_at_once(3), site.request()}
    for _ in range(2):
        kill_server(site.directory)
        wait_until(lambda: not postgres_processes(site.directory))

        assert site.request() not in before
        assert len(site.requests_at_once(3)) == 3


def test_requests_of_many_threads_heal_together(site: Site) -> None:
    site.requests_at_once(4)
    kill_server(site.directory)
    wait_until(lambda: not postgres_processes(site.directory))

    assert len(site.requests_at_once(4)) == 4
    assert len(server_and_its_like(site)) == 1


@pytest.mark.parametrize("site", [PERSISTENT, POOL_OF_ONE], ids=["persistent", "pool"], indirect=True)
def test_the_next_request_after_a_killed_connection_heals(site: Site) -> None:
    for _ in range(2):  # PostgreSQL restarts all its processes when one is killed
        backend = site.request()
        os.kill(backend, signal.SIGKILL)
        wait_until(lambda backend=backend: not psutil.pid_exists(backend))  # the server knows: it has reaped it

        assert site.request() != backend


def test_a_loop_without_requests_fails_once_and_heals(site: Site) -> None:
    with site.connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    kill_server(site.directory)
    wait_until(lambda: not postgres_processes(site.directory))

    with pytest.raises(OperationalError), site.connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with site.connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_transaction_that_lost_its_server_is_not_continued_on_another_connection(site: Site) -> None:
    site.connection.ensure_connection()
    site.connection.set_autocommit(False)
    with site.connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    kill_server(site.directory)
    wait_until(lambda: not postgres_processes(site.directory))

    for _ in range(2):
        with pytest.raises(OperationalError), site.connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    site.connection.close()

    assert site.request()


@pytest.mark.parametrize("site", [PERSISTENT, POOL_OF_ONE], ids=["persistent", "pool"], indirect=True)
def test_a_forked_child_has_connections_of_its_own(site: Site) -> None:
    ours = site.request()
    child = multiprocessing.get_context("fork").Process(target=_request_in_child, args=(site, ours))

    child.start()
    child.join(30)

    assert child.exitcode == 0
    assert site.request() == ours


def test_an_error_of_the_server_arrives_as_djangos(places: Places, django_db_blocker: DjangoDbBlocker) -> None:
    directory = places.ready()
    (directory / "data" / "PG_VERSION").write_text("16\n")
    for kind in (PERSISTENT, POOL):
        site = Site(directory, kind)
        with django_db_blocker.unblock(), pytest.raises(OperationalError, match=r"PostgreSQL 16.*DATABASE_URL"):
            site.request()
        site.close()


def test_a_pool_says_why_the_server_stays_down(places: Places, django_db_blocker: DjangoDbBlocker) -> None:
    directory = places.ready()
    site = Site(directory, {"OPTIONS": {"pool": {"min_size": 1, "max_size": 1, "timeout": 0.3}}})
    with django_db_blocker.unblock():
        site.request()
        kill_server(directory)
        wait_until(lambda: not postgres_processes(directory))
        (directory / "data" / "PG_VERSION").write_text("16\n")

        with pytest.raises(OperationalError, match=r"PostgreSQL 16.*DATABASE_URL"):
            site.request()
        site.close()


def test_an_exhausted_pool_is_not_a_reason_to_wait_twice(places: Places, django_db_blocker: DjangoDbBlocker) -> None:
    site = Site(places.ready(), {"OPTIONS": {"pool": {"min_size": 1, "max_size": 1, "timeout": 0.2}}})
    failures: list[Exception] = []

    def ask() -> None:
        try:
            site.request()
        except OperationalError as error:
            failures.append(error)

    with django_db_blocker.unblock(), site.connection.cursor():
        other = threading.Thread(target=ask)
        other.start()
        other.join()
        site.connection.close()
        site.close()
    assert "couldn't get a connection after 0.20 sec" in str(failures[0])


def server_and_its_like(site: Site) -> list[int]:
    """The first processes of the servers in the site's directory: their parents are none of them."""
    processes = postgres_processes(site.directory)
    pids = {process.pid for process in processes}
    first = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a backend that has just ended
            if process.ppid() not in pids:
                first.append(process.pid)
    return first


def _request_in_child(site: Site, backend_of_parent: int) -> None:
    site.connection.connection = None  # as django-q and Django's own parallel tests do
    if site.request() == backend_of_parent:
        raise AssertionError("the child uses its parent's connection")
    site.connection.close()
