"""The proxy of docs/operations.md takes in requests and answers whole; tried with nginx where it is installed."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.installation import Installation, free_port, stop
from tests.support.proxies import nginx_configuration, nginx_examples, program, replaced
from tests.support.waiting import wait_until

NGINX = program("nginx")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("installation"),
    pytest.mark.skipif(NGINX is None, reason="nginx is not on this machine"),
]


@dataclass(frozen=True)
class Proxied:
    """PulseOps on `upstream.port`, behind an nginx on `port`; `file` is a static file of some size."""

    port: int
    key: str
    file: str
    upstream: psutil.Process

    def connections(self) -> int:
        """Return how many connections the web processes have."""
        return sum(
            each.status == psutil.CONN_ESTABLISHED
            for child in self.upstream.children()
            for each in child.net_connections("tcp")
        )


def example(port: int, upstream: int) -> str:
    """Return the example of the docs, on ports of ours."""
    changes = {"listen 443 ssl;": f"listen 127.0.0.1:{port};", "127.0.0.1:8000": f"127.0.0.1:{upstream}"}
    return replaced(nginx_examples()[0], changes)


@pytest.fixture(scope="module")
def proxied(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    home, port = tmp_path_factory.mktemp("nginx"), free_port()
    static = installation.environment["STATIC_ROOT"]
    environment = {"TRUSTED_PROXIES": "1", "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    twin = installation.twin({**installation.environment, **environment})
    paths = json.loads(Path(static, "staticfiles.json").read_text())["paths"].values()
    largest = max(paths, key=lambda name: Path(static, name).stat().st_size)
    (home / "nginx.conf").write_text(nginx_configuration(home, example(port, twin.port)))
    web = twin.start_web()
    assert NGINX
    nginx = subprocess.Popen([NGINX, "-c", home / "nginx.conf", "-p", home, "-e", home / "error.log"])
    try:
        wait_until(lambda: _answers(port))
        yield Proxied(port, twin.make_key(), f"/static/{largest}", psutil.Process(web.pid))
    finally:
        nginx.terminate()
        nginx.wait(60)
        stop(web)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/api/health", timeout=60).status_code == 200
    except requests.ConnectionError:
        return False


def test_logs_pass(proxied: Proxied) -> None:
    for number in (1, 3_000):
        batch = {"logs": [{"message": "x" * 1_000}] * number}
        address = f"http://127.0.0.1:{proxied.port}/api/v1/logs/ingest"
        answer = requests.post(address, json=batch, headers={"x-api-key": proxied.key}, timeout=60)
        assert answer.json() == {"data": {"accepted": number}}


@pytest.mark.parametrize(("length", "is_kept"), [(7_000, True), (60_000, False)])
def test_a_long_search_passes_on_its_way_to_signing_in(proxied: Proxied, length: int, is_kept: bool) -> None:
    address = f"http://127.0.0.1:{proxied.port}/logs?q={'a' * length}"
    answer = requests.get(address, allow_redirects=False, timeout=60)
    assert answer.status_code == 302
    assert (len(answer.headers["location"]) > length) is is_kept


def test_clients_who_stop_in_the_middle_do_not_come_through(proxied: Proxied) -> None:
    before = proxied.connections()
    with ExitStack() as stack:
        for _ in range(50):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", proxied.port)))
            peer.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nlogin=")
        assert _answers(proxied.port)
        assert proxied.connections() <= before + 2


def test_an_answer_that_is_not_taken_is_the_proxys(proxied: Proxied) -> None:
    whole = requests.get(f"http://127.0.0.1:{proxied.port}{proxied.file}", timeout=60).content
    assert len(whole) > 30_000
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", proxied.port))
        peer.sendall(f"GET {proxied.file} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert peer.recv(1, socket.MSG_PEEK)
        assert _answers(proxied.port)
        peer.settimeout(60)
        received = peer.makefile("rb").read()
    assert received.partition(b"\r\n\r\n")[2] == whole


def test_one_address_has_so_many_connections(proxied: Proxied) -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(socket.create_connection(("127.0.0.1", proxied.port))) for _ in range(120)]
        for peer in peers:
            peer.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nlogin=")
        wait_until(lambda: requests.get(f"http://127.0.0.1:{proxied.port}/api/health", timeout=60).status_code == 503)
