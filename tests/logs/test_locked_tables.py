"""While someone holds a lock on a table, requests that need it are answered 503 in time, and all others as ever."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
import requests

from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
CROWD = 64
MOST_SECONDS = 25  # 10 for a thread, 5 for a connection, 2 for a lock, and a machine that is busy; 3 on a quiet one
SIGN_IN = """
from django.test import Client
from tests.support.factories import make_member, make_org
from accounts.models import Role
client = Client()
client.force_login(make_member(make_org("Locked"), Role.ADMIN))
print(client.cookies["pulseops_session"].value)
"""


@dataclass(frozen=True)
class Web:
    url: str
    database: str
    key: str
    session: str

    def send(self) -> requests.Response:
        batch = {"logs": [{"message": "hello"}]}
        return requests.post(
            f"{self.url}/api/v1/logs/ingest", json=batch, headers={"x-api-key": self.key}, timeout=60
        )  # fmt: skip

    def look(self, path: str) -> requests.Response:
        return requests.get(
            self.url + path, cookies={"pulseops_session": self.session}, timeout=60, allow_redirects=False
        )  # fmt: skip


@pytest.fixture(scope="module")
def web(installation: Installation) -> Iterator[Web]:
    twin = installation.twin(installation.environment)
    process = twin.start_web()
    session = twin.shell(SIGN_IN)
    yield Web(twin.url, twin.command("postgres", "url"), twin.make_key(), session)
    stop(process)


@contextmanager
def locked(web: Web, table: str) -> Iterator[None]:
    with psycopg.connect(web.database) as holder:
        holder.execute(f"LOCK TABLE {table}")
        yield
        holder.rollback()


def crowd(ask: Callable[[], requests.Response], web: Web) -> tuple[Counter[int], float]:
    """Let many ask at once, and health be asked meanwhile; returns the answers' codes and how long the slowest took."""
    with ThreadPoolExecutor(CROWD) as pool:
        asked = [pool.submit(ask) for _ in range(CROWD)]
        health = []
        while not all(each.done() for each in asked) or len(health) < 4:
            health.append(requests.get(f"{web.url}/api/health", timeout=60).elapsed.total_seconds())
            time.sleep(0.1)
        answers = [each.result() for each in asked]
    assert sorted(health)[len(health) // 2] < 1
    assert all(answer.headers.get("Retry-After") for answer in answers if answer.status_code == 503)
    return Counter(answer.status_code for answer in answers), max(answer.elapsed.total_seconds() for answer in answers)


@pytest.mark.parametrize("table", ["logs", "api_key_rate_buckets"])
def test_senders_are_sent_away_in_time(web: Web, table: str) -> None:
    assert web.send().status_code == 200
    with locked(web, table):
        codes, slowest = crowd(web.send, web)
        assert codes == {503: CROWD}
        assert slowest < MOST_SECONDS
        assert min(web.send().elapsed.total_seconds() for _ in range(4)) < 1  # by now it is known
        assert web.look("/services").status_code == 200
    wait_until(lambda: web.send().status_code == 200, every=0.1)


def test_readers_are_sent_away_in_time_and_logs_are_taken_in(web: Web) -> None:
    assert web.look("/incidents").status_code == 200
    with locked(web, "incidents"), ThreadPoolExecutor(1) as pool:
        sending = pool.submit(lambda: [web.send() for _ in range(5)])
        codes, slowest = crowd(lambda: web.look("/incidents"), web)
        assert codes == {503: CROWD}
        assert slowest < MOST_SECONDS
        assert 200 in {answer.status_code for answer in sending.result()}
    assert web.look("/incidents").status_code == 200


def test_a_crowd_of_one_key_waits_for_no_connection_but_for_each_other(web: Web, installation: Installation) -> None:
    """All look at the key first, since no one has yet; who then waits in line lets others have the connection."""
    wait_until(lambda: crowd(web.send, web)[0] == {200: CROWD})  # now both processes know that no table is locked
    crowd_of_one = Web(web.url, web.database, installation.make_key(), "")
    codes, _ = crowd(crowd_of_one.send, web)
    assert codes == {200: CROWD}


def test_a_key_that_is_locked_holds_up_no_other(web: Web, installation: Installation) -> None:
    """A row may be locked by the one who owns it; that says nothing about everybody's table."""
    other = Web(web.url, web.database, installation.make_key(rate_per_minute=1_000_000), "")  # made now, by itself
    with psycopg.connect(web.database) as holder:
        holder.execute("SELECT 1 FROM api_keys ORDER BY created_at DESC LIMIT 1 FOR UPDATE")
        assert other.send().status_code == 503
        assert [web.send().status_code for _ in range(3)] == [200] * 3
        holder.rollback()
