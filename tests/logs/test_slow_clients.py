"""Threads are few: neither clients nor a database that hang may keep them."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import psutil
import pytest
import requests

from tests.installation import Installation, stop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
HURRIED = {
    "WEB_REQUEST_SECONDS": "1",
    "WEB_WORKERS": "1",
    "WEB_THREADS": "4",
    "DATABASE_ANSWER_SECONDS": "1",
    "DATABASE_WAIT_SECONDS": "1",
}


@pytest.fixture(scope="module")
def url(installation: Installation) -> Iterator[str]:
    hurried = installation.twin({**installation.environment, **HURRIED})
    web = hurried.start_web()
    yield hurried.url
    stop(web)


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nlogin=",
    ],
    ids=["head", "body"],
)
def test_clients_who_stop_in_the_middle_do_not_keep_the_threads(url: str, beginning: bytes) -> None:
    port = int(url.rpartition(":")[2])
    with ExitStack() as stack:
        for _ in range(8):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            peer.sendall(beginning)
        time.sleep(0.2)
        assert requests.get(f"{url}/api/health", timeout=10).status_code == 200


@pytest.fixture
def hung_postgres(url: str, installation: Installation) -> Iterator[None]:
    """The server as a stuck disk leaves it: it takes connections, and says nothing."""
    assert requests.get(f"{url}/readyz", timeout=10).json()["database"] == "ok"
    server = installation.postgres()
    assert server is not None
    processes = [server, *server.children()]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    yield
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def test_a_database_that_hangs_is_answered_503_and_health_goes_on(hung_postgres: None, url: str) -> None:
    key = {"x-api-key": "pol_x"}
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(requests.post, f"{url}/api/v1/deployments", headers=key, timeout=30) for _ in range(8)]
        time.sleep(0.5)
        assert requests.get(f"{url}/api/health", timeout=20).status_code == 200
        answers = [each.result() for each in sent]
    answers.append(requests.post(f"{url}/api/v1/logs/ingest", json=[], headers=key, timeout=20))
    assert [answer.status_code for answer in answers] == [503] * 9
    assert {answer.headers["Retry-After"] for answer in answers} == {"10", "5"}


def test_it_is_used_again_once_it_answers(url: str) -> None:
    deadline = time.monotonic() + 20
    while requests.get(f"{url}/readyz", timeout=20).json()["database"] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.2)
