"""Two web servers on one database behind a load balancer: each is restarted while clients send, and none is refused.

ROLLING_BATCHES=10000 makes a drill of it, with both restarted; ROLLING_PROXY=haproxy, nginx or caddy puts Debian's in
front, as docs/operations.md has it.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from tests.support.installation import Installation, stop
from tests.support.proxies import Proxy
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("installation")]
PROXY = os.environ.get("ROLLING_PROXY", "")
BATCHES = int(os.environ.get("ROLLING_BATCHES") or 0)  # at least so many; 0: as many as come in the time
LOGS, CLIENTS, CHECK_SECONDS = 20, 4, 0.2
DRAIN_SECONDS = 5.0 if PROXY else 1.5  # as the docs have it, if theirs is in front
_WELL = "INSERT INTO heartbeats (name, beat_at) VALUES ('worker', now()), ('loop', now()) ON CONFLICT DO NOTHING"


class Balancer:
    """Passes each request on to the next server that is ready, once: what it meets there is what the client gets."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self.ready: set[int] = set()
        self.turn = itertools.count()
        self.served: dict[int, int] = dict.fromkeys(ports, 0)
        self.idle: dict[int, list[HTTPConnection]] = {port: [] for port in ports}
        self.has_ended = threading.Event()

    def check(self) -> None:
        """Ask each server again and again whether it is ready."""
        while not self.has_ended.wait(CHECK_SECONDS):
            for port in self.ports:
                (self.ready.add if self._is_ready(port) else self.ready.discard)(port)

    def _is_ready(self, port: int) -> bool:
        peer = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            peer.request("GET", "/readyz?part=web")
            return peer.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            peer.close()

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Send a request on by a connection that is kept, as load balancers do."""
        ports = sorted(self.ready)
        if not ports:
            return 502, b"no server is ready"
        port = ports[next(self.turn) % len(ports)]
        try:
            peer = self.idle[port].pop()
        except IndexError:
            peer = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            peer.request("POST", path, body, headers)
            answer = peer.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            peer.close()
            return 502, repr(error).encode()
        if peer.sock is not None:  # the server keeps it
            self.idle[port].append(peer)
        self.served[port] += 1
        return answer.status, content

    def restart(self, number: int, server: Installation, web: subprocess.Popen[bytes]) -> None:
        """Ask a server to stop, see that we turn away from it, and start it again."""
        began = time.monotonic()
        web.terminate()
        wait_until(lambda: server.port not in self.ready)
        web.wait(60)
        assert time.monotonic() - began >= DRAIN_SECONDS
        server.start_web()
        wait_until(lambda: server.port in self.ready)
        served = self.served[server.port]
        wait_until(lambda: self.served[server.port] > served)


@contextmanager
def balanced(ports: list[int]) -> Iterator[tuple[str, Balancer]]:
    """Run a load balancer in front of `ports`; gives its address."""
    balancer = Balancer(ports)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name: self.headers[name] for name in ("x-api-key", "content-type")}
            status, content = balancer.forward(self.path, headers, body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threads = [threading.Thread(target=work, daemon=True) for work in (server.serve_forever, balancer.check)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(balancer.ready) == 2)
        yield f"127.0.0.1:{server.server_port}", balancer
    finally:
        balancer.has_ended.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join(20)
        for peer in itertools.chain.from_iterable(balancer.idle.values()):
            peer.close()


class Sender(threading.Thread):
    """A client without patience: it sends each batch once."""

    def __init__(self, address: str, key: str) -> None:
        super().__init__(daemon=True)
        self.address, self.key = address, key
        self.answers: list[tuple[int, bytes]] = []
        self.is_over = threading.Event()

    def run(self) -> None:
        peer = HTTPConnection(self.address, timeout=60)
        headers = {"x-api-key": self.key, "content-type": "application/json"}
        body = b'{"logs":[%s]}' % b",".join([b'{"message":"rolling"}'] * LOGS)
        while not self.is_over.is_set():
            try:
                peer.request("POST", "/api/v1/logs/ingest", body, headers)
                answer = peer.getresponse()
            except (BrokenPipeError, ConnectionResetError, RemoteDisconnected):
                if PROXY != "nginx":  # which hangs up on idle clients when it is reloaded: nothing was sent to a server
                    raise
                peer.close()
                continue
            self.answers.append((answer.status, answer.read()))
        peer.close()


class Proxied:
    """Another's load balancer, of which only the answers are seen."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.served: dict[int, int] = {}

    def restart(self, number: int, server: Installation, web: subprocess.Popen[bytes]) -> None:
        """Restart a server, and give the load balancer time to find it again."""

        def stop_and_start() -> None:
            web.terminate()
            web.wait(60)
            server.start_web()

        self.proxy.turn_away(number, restart=stop_and_start)
        time.sleep(8)


@contextmanager
def proxied(ports: list[int], home: Path) -> Iterator[tuple[str, Proxied]]:
    """Run ROLLING_PROXY in front of `ports`; gives its address."""
    proxy = Proxy(PROXY, home, ports)
    with proxy.running():
        yield f"127.0.0.1:{proxy.port}", Proxied(proxy)


def test_a_rolling_restart_refuses_no_batch(installation: Installation, tmp_path: Path) -> None:
    key, others = installation.make_key(), list(installation.processes)
    servers = [
        installation.twin(
            {**installation.environment, "WEB_WORKERS": "1", "WEB_DRAIN_SECONDS": str(DRAIN_SECONDS), "ACCESS_LOG": ""}
        )
        for _ in range(2)
    ]
    webs = [server.start_web() for server in servers]
    installation.rows("SELECT 1")
    with psycopg.connect(installation.database_url) as connection:
        connection.execute(_WELL)
    ports = [server.port for server in servers]
    with proxied(ports, tmp_path) if PROXY else balanced(ports) as (address, balancer):
        senders = [Sender(address, key) for _ in range(CLIENTS)]
        for sender in senders:
            sender.start()
        for number in (0, 1) if BATCHES else (0,):
            balancer.restart(number, servers[number], webs[number])
        wait_until(lambda: sum(len(sender.answers) for sender in senders) >= BATCHES, seconds=250)
        for sender in senders:
            sender.is_over.set()
        for sender in senders:
            sender.join(60)
    stored = installation.rows("SELECT count(*) FROM logs WHERE message = 'rolling'")
    for web in installation.processes:
        if web not in others:
            stop(web)
    answers = [answer for sender in senders for answer in sender.answers]
    assert [answer for answer in answers if answer[0] != 200] == []
    assert all(balancer.served.values())  # by each of them
    assert stored == [(len(answers) * LOGS,)]
