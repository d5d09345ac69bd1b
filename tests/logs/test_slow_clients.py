"""Threads are few: neither clients nor a database that hang may keep them."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import psutil
import pytest
import requests

from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
MOST_SECONDS = 18  # whoever is not sent away waits twenty (DATABASE_ANSWER_SECONDS); 4 on a quiet machine
HURRIED = {
    "WEB_REQUEST_SECONDS": "1",
    "WEB_WORKERS": "1",
    "WEB_THREADS": "4",
}


@pytest.fixture(scope="module")
def url(installation: Installation) -> Iterator[str]:
    static = str(installation.directory / "static")  # for the error page
    hurried = installation.twin({**installation.environment, **HURRIED, "STATIC_ROOT": static})
    hurried.manage("collectstatic", "--no-input", "--verbosity=0", "--ignore=admin", "--ignore=django_htmx")
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
        assert requests.get(f"{url}/api/health", timeout=60).status_code == 200


def test_clients_who_send_without_a_pause_do_not_keep_the_threads(url: str) -> None:
    over = threading.Event()

    def send_on() -> int:
        answers = 0
        with requests.Session() as session:
            while not over.is_set():
                answers += session.get(f"{url}/api/health", timeout=60).status_code == 200
        return answers

    with ThreadPoolExecutor(6) as pool:
        busy = [pool.submit(send_on) for _ in range(6)]
        try:
            for _ in range(5):
                assert requests.get(f"{url}/api/health", timeout=60).status_code == 200
        finally:
            over.set()
        assert all(each.result() for each in busy)


@pytest.mark.parametrize("search", ["x" * 10_000, "日" * 10_000])
def test_a_search_of_ten_thousand_characters_reaches_the_page(url: str, search: str) -> None:
    """What gunicorn refuses by itself is a bare line; the page says what is wrong, to whoever is signed in."""
    answer = requests.get(f"{url}/logs", {"q": search}, timeout=60, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


@pytest.fixture
def hung_postgres(url: str, installation: Installation) -> Iterator[None]:
    """The server as a stuck disk leaves it: it takes connections, and says nothing."""
    assert requests.get(f"{url}/readyz", timeout=60).json()["database"] == "ok"
    server = installation.postgres()
    assert server is not None
    processes = [server, *server.children()]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    yield
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def test_a_database_that_hangs_is_answered_503_soon_and_health_goes_on(hung_postgres: None, url: str) -> None:
    key = {"x-api-key": "pol_x"}
    asked = [("POST", "/api/v1/logs/ingest"), ("POST", "/api/v1/deployments"), ("GET", "/login"), ("GET", "/readyz")]

    def ask(method: str, path: str) -> tuple[requests.Response, float]:
        started = time.monotonic()
        headers = {"Cookie": f"pulseops_session={'0' * 64}"} if path == "/login" else key
        response = requests.request(method, url + path, headers=headers, json=[], timeout=60)
        return response, time.monotonic() - started

    with ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(ask, *each) for each in asked * 4]  # twice as many as there are threads
        time.sleep(0.5)
        health = requests.get(f"{url}/api/health", timeout=60)
        answers = [each.result() for each in sent]
    assert health.status_code == 200
    assert [answer.status_code for answer, _ in answers] == [503] * 16
    assert max(seconds for _, seconds in answers) < MOST_SECONDS
    at_once = [[ask(*each) for _ in range(3)] for each in asked]
    assert {answer.status_code for tries in at_once for answer, _ in tries} == {503}
    for tries in at_once:  # nobody waits any more; one of three may be kept waiting by the machine
        assert min(seconds for _, seconds in tries) < 2
    assert {tries[0][0].headers.get("Retry-After") for tries in at_once} == {"10", "5", None}
    assert at_once[3][0][0].json() == {"database": "unavailable", "migrations": "unknown", "worker": "unknown"}


def test_it_is_used_again_once_it_answers(url: str) -> None:
    wait_until(lambda: requests.get(f"{url}/readyz", timeout=60).json()["database"] == "ok", every=0.2)
