"""What only a real server and a real socket show: chunks, half bodies, refused bodies, a database that is away."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from tests.support.installation import Installation, stop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
LESS_THAN_USUAL = 8  # seconds; a request may take two here, and ten where nothing is set
BODY = json.dumps({"logs": [{"message": "hello"}]}).encode()


@pytest.fixture(scope="module")
def url(installation: Installation) -> Iterator[str]:
    web = installation.start_web()
    yield f"{installation.url}/api/v1/logs/ingest"
    stop(web)


@pytest.fixture(scope="module")
def key(url: str, installation: Installation) -> str:
    return installation.make_key()


def speak(installation: Installation, *parts: bytes, pause: float = 0) -> tuple[bytes, float]:
    """Send raw bytes; returns all that comes back until the server hangs up, and after how many seconds it began."""
    with closing(socket.create_connection(("127.0.0.1", installation.port), timeout=60)) as peer:
        for part in parts:
            peer.sendall(part)
            time.sleep(pause)
        started = time.monotonic()
        answer = first = peer.recv(65536)
        waited = time.monotonic() - started
        while first and (more := peer.recv(65536)):
            answer += more
    return answer, waited


def head(key: str, *headers: str) -> bytes:
    lines = ["POST /api/v1/logs/ingest HTTP/1.1", "Host: x", "Connection: close", f"x-api-key: {key}", *headers]
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_chunked_body(url: str, key: str) -> None:
    response = requests.post(url, data=iter([BODY[:10], BODY[10:]]), headers={"x-api-key": key}, timeout=60)
    assert response.json() == {"data": {"accepted": 1}}
    assert response.headers["Content-Length"]


def test_a_client_that_waits_for_100_continue(url: str, key: str, installation: Installation) -> None:
    """As curl does with a body of more than a megabyte (RFC 9110 10.1.1)."""
    with closing(socket.create_connection(("127.0.0.1", installation.port), timeout=60)) as peer:
        peer.sendall(head(key, f"Content-Length: {len(BODY)}", "Expect: 100-continue"))
        assert peer.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(BODY)
        assert peer.makefile("rb").read().startswith(b"HTTP/1.1 200 ")


def test_a_connection_goes_on_after_an_answer_without_a_body(url: str, installation: Installation) -> None:
    with requests.Session() as session:
        for _ in range(2):
            assert session.head(f"{installation.url}/api/health", timeout=60).headers["Content-Length"]
            assert session.get(f"{installation.url}/dashboard", allow_redirects=False, timeout=60).status_code == 302


def test_a_chunked_body_is_bounded(url: str, key: str) -> None:
    chunks = (b" " * 100_000 for _ in range(100))
    response = requests.post(url, data=chunks, headers={"x-api-key": key}, timeout=60)
    assert response.status_code == 413


def test_a_large_body_is_refused_so_that_its_sender_reads_why(url: str, key: str) -> None:
    response = requests.post(url, data=b" " * 20_000_000, headers={"x-api-key": key}, timeout=60)
    assert response.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize(
    ("headers", "part"),
    [(["Content-Length: 1000"], BODY), (["Transfer-Encoding: chunked"], chunk(BODY)), (["Content-Length: 9"], b"")],
    ids=["length", "chunked", "nothing"],
)
def test_a_client_that_stops_in_the_middle_is_hung_up_on(
    url: str, key: str, installation: Installation, headers: list[str], part: bytes
) -> None:
    answer, waited = speak(installation, head(key, *headers), part)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"BAD_REQUEST"' in answer
    assert 1.5 < waited < LESS_THAN_USUAL


def test_a_client_that_dribbles_is_hung_up_on(url: str, key: str, installation: Installation) -> None:
    with closing(socket.create_connection(("127.0.0.1", installation.port), timeout=60)) as peer:
        peer.sendall(head(key, "Content-Length: 1000"))
        started = time.monotonic()
        peer.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - started < LESS_THAN_USUAL:
            peer.sendall(b" ")
            try:
                answer = peer.recv(1000)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_clients_that_hang_do_not_keep_others_waiting_for_long(url: str, key: str, installation: Installation) -> None:
    hanging = [socket.create_connection(("127.0.0.1", installation.port)) for _ in range(12)]
    for peer in hanging:
        peer.sendall(head(key, "Content-Length: 1000"))
    response = requests.post(url, data=BODY, headers={"x-api-key": key}, timeout=60)
    assert response.status_code == 200
    assert response.elapsed.total_seconds() < LESS_THAN_USUAL
    for peer in hanging:
        peer.close()


@pytest.mark.parametrize("bad", [b"5\r\nhello", b"zz\r\n", b"-1\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n"])
def test_broken_chunks(url: str, key: str, installation: Installation, bad: bytes) -> None:
    answer, _ = speak(installation, head(key, "Transfer-Encoding: chunked"), bad)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_stranger_is_refused_without_reading_the_body(url: str, installation: Installation) -> None:
    """One who stops in the middle is waited for as others are, without a thread."""
    for headers, part in ([["Content-Length: 3"], b"{{{"], [["Content-Length: 1000"], b"{{{"]):
        answer, _ = speak(installation, head("pol_unknown", *headers), part)
        assert answer.startswith(b"HTTP/1.1 403 ")


def test_one_connection_carries_many_batches(url: str, key: str) -> None:
    with requests.Session() as session:
        session.headers["x-api-key"] = key
        codes = [
            session.post(url, data=data, timeout=60).status_code for data in (BODY, b"{", BODY, b" " * 6_000_000, BODY)
        ]
    assert codes == [200, 400, 200, 413, 200]


def test_a_database_that_is_away(installation: Installation) -> None:
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "DATABASE_WAIT_SECONDS": "2", "WEB_WORKERS": "1"}
    secrets = dict.fromkeys(("SECRET_KEY", "API_KEY_SALT", "INTERNAL_CRON_SECRET"), "x" * 32)
    elsewhere = installation.twin({**installation.environment, **away, **secrets})
    web = elsewhere.start_web()

    def post(_: int) -> requests.Response:
        address = f"{elsewhere.url}/api/v1/logs/ingest"
        return requests.post(address, data=BODY, headers={"x-api-key": "pol_x"}, timeout=60)

    try:
        first = post(0)
        with ThreadPoolExecutor(8) as pool:  # twice its threads
            others = list(pool.map(post, range(8)))
    finally:
        stop(web)
    for response in [first, *others]:
        assert (response.status_code, response.json()["error"]["code"]) == (503, "UNAVAILABLE")
        assert int(response.headers["Retry-After"]) > 0
        assert response.elapsed.total_seconds() < 8  # one after the other it would be sixteen
    assert sum(response.elapsed.total_seconds() < 2 for response in others) >= 4  # one waits for all
