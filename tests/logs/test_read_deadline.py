"""Threads are few: neither clients nor a database that hang may keep them."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
MOST_SECONDS = 18  # a request that is not refused waits twenty (DATABASE_ANSWER_SECONDS); 4 on a quiet machine
HURRIED = {
    "WEB_REQUEST_SECONDS": "3",
    "WEB_ANSWER_SECONDS": "3",
    "WEB_WORKERS": "1",
    "WEB_THREADS": "4",
}
HOSTILE = 100
INGEST = "/api/v1/logs/ingest"
BATCH = {"logs": [{"message": "honest"}]}


@dataclass(frozen=True)
class Web:
    """A web server of one process, a key for it, and a static file of its."""

    url: str
    key: str
    file: str
    process: psutil.Process


@pytest.fixture(scope="module")
def web(installation: Installation) -> Iterator[Web]:
    hurried = installation.twin({**installation.environment, **HURRIED})
    static = hurried.environment["STATIC_ROOT"]
    manifest = json.loads(Path(static, "staticfiles.json").read_text())
    largest = max(manifest["paths"].values(), key=lambda name: Path(static, name).stat().st_size)
    process = hurried.start_web()
    yield Web(hurried.url, hurried.make_key(), f"/static/{largest}", psutil.Process(process.pid))
    stop(process)


@pytest.fixture(scope="module")
def url(web: Web) -> str:
    return web.url


def quickest(ask: Callable[[], requests.Response], *, tries: int = 4) -> float:
    """Return the seconds of the quickest of some answers, all 200; a busy machine may keep one or another waiting."""
    answers = [ask() for _ in range(tries)]
    assert {answer.status_code for answer in answers} == {200}
    return min(answer.elapsed.total_seconds() for answer in answers)


def health(web: Web) -> requests.Response:
    return requests.get(f"{web.url}/api/health", timeout=60)


def send(web: Web) -> requests.Response:
    return requests.post(web.url + INGEST, json=BATCH, headers={"x-api-key": web.key}, timeout=60)


def lines(*headers: str) -> bytes:
    return "\r\n".join([*headers, "Host: localhost", ""]).encode()


HALVES = {
    "silence": b"",
    "half a head": lines("GET /login HTTP/1.1") + b"X-Slow: ",
    "half a form": lines("POST /login HTTP/1.1", "Content-Length: 100") + b"\r\nlogin=",
    "half a batch": lines(f"POST {INGEST} HTTP/1.1", "x-api-key: pol_x", "Content-Length: 5000000") + b"\r\n[{",
    "half a chunk": lines(f"POST {INGEST} HTTP/1.1", "x-api-key: pol_x", "Transfer-Encoding: chunked")
    + b"\r\nffff\r\na",
    "half a body that was asked for": lines("POST /login HTTP/1.1", "Content-Length: 9", "Expect: 100-continue")
    + b"\r\na",
    "half a body of 20 MB": lines("POST /login HTTP/1.1", "Content-Length: 20000000") + b"\r\na",
}


def connect(stack: ExitStack, web: Web, *, buffer: int | None = None) -> socket.socket:
    peer = stack.enter_context(socket.socket())
    if buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    peer.connect(("127.0.0.1", int(web.url.rpartition(":")[2])))
    return peer


def test_a_hundred_clients_who_stop_in_the_middle_hold_up_no_one_and_are_hung_up_on(web: Web) -> None:
    """Of each kind there are more than there are threads."""
    with ExitStack() as stack:
        peers = [(kind, connect(stack, web)) for kind in HALVES for _ in range(HOSTILE // len(HALVES) + 1)]
        for kind, peer in peers:
            peer.sendall(HALVES[kind])
        assert quickest(lambda: health(web)) < 1
        assert quickest(lambda: send(web)) < 1
        for kind, peer in peers:
            peer.settimeout(60)
            try:
                while peer.recv(65536):
                    pass
            except ConnectionResetError:
                continue
            except TimeoutError:
                pytest.fail(f"{kind} goes on")


def test_a_hundred_clients_who_take_nothing_hold_up_no_one_and_are_hung_up_on(web: Web) -> None:
    request = lines(f"GET {web.file} HTTP/1.1", "Accept-Encoding: identity") + b"\r\n"
    with ExitStack() as stack:
        peers = [connect(stack, web, buffer=4096) for _ in range(HOSTILE)]
        for peer in peers:
            peer.sendall(request * 200)
        assert quickest(lambda: health(web)) < 1
        assert quickest(lambda: send(web)) < 1
        left = {connection.raddr for connection in _connections(web)}
        assert len(left) >= HOSTILE
        wait_until(lambda: len(_connections(web)) < 5, every=0.5)


def _connections(web: Web) -> list[Any]:
    port = int(web.url.rpartition(":")[2])
    return [
        each
        for child in web.process.children()
        for each in child.net_connections("tcp")
        if each.status != psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
    ]


def test_an_answer_that_is_taken_slowly_arrives_whole(web: Web) -> None:
    whole = requests.get(web.url + web.file, headers={"Accept-Encoding": "identity"}, timeout=60).content
    with ExitStack() as stack:
        peer = connect(stack, web, buffer=4096)
        peer.sendall(lines(f"GET {web.file} HTTP/1.1", "Connection: close") + b"\r\n")
        received = b""
        while part := peer.recv(16_384):
            received += part
            time.sleep(0.001)
    assert received.partition(b"\r\n\r\n")[2] == whole


def test_requests_that_are_sent_without_waiting_are_answered_in_turn(web: Web) -> None:
    with ExitStack() as stack:
        peer = connect(stack, web)
        ask = lines("GET /api/health HTTP/1.1") + b"\r\n"
        peer.sendall(ask * 5 + lines("GET /nothing HTTP/1.1", "Connection: close") + b"\r\n")
        peer.settimeout(60)
        answer = peer.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 200 OK") == 5
    assert answer.count(b"HTTP/1.1 ") == 6


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\nHost: localhost\n\n", b"400"),
        (b"\r\n\r\nGET / HTTP/1.1\r\n", b"400"),
        (b"GET /" + b"a" * 200_000, b"431"),
        (lines("POST / HTTP/1.1", "Content-Length: 5", "Content-Length: 6") + b"\r\nhello", b"400"),
        (lines("POST / HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked") + b"\r\n0\r\n\r\n", b"400"),
        (lines("POST / HTTP/1.1", "Transfer-Encoding: gzip") + b"\r\nhello", b"400"),
        (lines("POST / HTTP/1.1", "Transfer-Encoding : chunked") + b"\r\n0\r\n\r\n", b"400"),
    ],
)
def test_what_is_not_a_request_is_refused_at_once(web: Web, sent: bytes, status: bytes) -> None:
    with ExitStack() as stack:
        peer = connect(stack, web)
        peer.sendall(sent)
        peer.settimeout(60)
        assert peer.makefile("rb").read(12) == b"HTTP/1.1 " + status


def test_an_address_elsewhere_has_so_many_connections(installation: Installation) -> None:
    addresses = [
        each.address for all_ in psutil.net_if_addrs().values() for each in all_ if each.family == socket.AF_INET
    ]
    address = next((each for each in addresses if not each.startswith("127.")), None)
    if address is None:
        pytest.skip("this machine has no address but its own loopback")
    environment = {"HOST": "0.0.0.0", "WEB_CONNECTIONS_PER_ADDRESS": "5", "WEB_WORKERS": "1"}
    crowded = installation.twin({**installation.environment, **environment})
    process = crowded.start_web()
    try:
        with ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection((address, crowded.port), timeout=60))
            sixth = stack.enter_context(socket.create_connection((address, crowded.port), timeout=60))
            assert sixth.recv(1000).startswith(b"HTTP/1.1 429 ")
            assert requests.get(f"{crowded.url}/api/health", timeout=60).status_code == 200  # over the loopback

        def is_let_in() -> bool:
            with suppress(requests.ConnectionError):
                return requests.get(f"http://{address}:{crowded.port}/api/health", timeout=60).status_code == 200
            return False

        wait_until(is_let_in, every=0.2)
    finally:
        stop(process)


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
    """What gunicorn refuses by itself is a bare line; the page says what is wrong, to a user who is signed in."""
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
    for tries in at_once:  # no one waits any more; one of three may be kept waiting by the machine
        assert min(seconds for _, seconds in tries) < 2
    assert {tries[0][0].headers.get("Retry-After") for tries in at_once} == {"10", "5", None}
    assert at_once[3][0][0].json() == {"database": "unavailable", "migrations": "unknown", "worker": "unknown"}


def test_it_is_used_again_once_it_answers(url: str) -> None:
    wait_until(lambda: requests.get(f"{url}/readyz", timeout=60).json()["database"] == "ok", every=0.2)
