"""Connections are shared out among the web processes, which share one interpreter each."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest

from pulseops.server.connection_balance import Shares
from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

REQUEST = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_who_has_more_than_another_knows() -> None:
    shares = Shares()
    assert not shares.is_anybodys_less(9)
    shares.tell(1, 3)
    shares.tell(2, 5)
    assert shares.is_anybodys_less(5)
    assert not shares.is_anybodys_less(3)
    shares.forget(1)
    assert not shares.is_anybodys_less(5)


@pytest.fixture
def web(installation: Installation) -> Iterator[tuple[int, psutil.Process]]:
    twin = installation.twin({**installation.environment, "WEB_WORKERS": "2"})
    process = twin.start_web()
    yield twin.port, psutil.Process(process.pid)
    stop(process)


@pytest.mark.slow
@pytest.mark.xdist_group("installation")
def test_each_process_takes_its_share_also_beside_one_that_was_killed(web: tuple[int, psutil.Process]) -> None:
    port, parent = web

    def is_shared() -> bool:  # once both are ready: which a new process is a while after it was forked
        connections = connections_of(parent, port)
        return len(connections) == 2 and min(connections) >= 6

    wait_until(is_shared)
    killed = parent.children()[0]
    killed.send_signal(signal.SIGKILL)
    wait_until(lambda: killed not in parent.children() and is_shared())


def connections_of(parent: psutil.Process, port: int, *, clients: int = 16) -> list[int]:
    """Connect one client after the other, each of which is answered; return how many each process has then."""
    with ExitStack() as stack:
        for _ in range(clients):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            peer.sendall(REQUEST)
            assert peer.recv(1024).startswith(b"HTTP/1.1 200")
        return [
            sum(each.status == psutil.CONN_ESTABLISHED for each in child.net_connections("tcp"))
            for child in parent.children()
        ]
