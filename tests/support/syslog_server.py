"""A syslog server of ours on a thread of this process, on ports that the system chose."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from logs.syslog import server as server_module
from logs.syslog.listeners import read_listeners
from logs.syslog.server import SyslogServer
from tests.support.waiting import wait_until


class Running:
    """A server on its own thread and event loop, on ports that the system chose."""

    def __init__(self, text: str) -> None:
        self._server: SyslogServer | None = None
        self._runner = asyncio.Runner()
        self._listeners = read_listeners(text)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        wait_until(lambda: self._server is not None and len(self._server.addresses) == len(self._listeners))

    def _run(self) -> None:
        async def run() -> None:
            self._server = SyslogServer(self._listeners)
            await self._server.run()

        with self._runner as runner:
            runner.run(run())
        connection.close()

    def port(self, number: int = 0) -> int:
        assert self._server is not None
        return int(self._server.addresses[number][1][1])

    def stop(self) -> None:
        assert self._server is not None
        self._runner.get_loop().call_soon_threadsafe(self._server.stopping.set)
        self._thread.join(30)


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch, *listeners: str) -> Iterator[Running]:
    """Listen at each of `listeners`, whose port is 1 where the system is to choose it."""
    monkeypatch.setattr(server_module, "_socket_for", _any_port(server_module._socket_for))
    server = Running(" ".join(listeners))
    try:
        yield server
    finally:
        server.stop()


def _any_port(real: Callable[..., socket.socket]) -> Callable[..., socket.socket]:
    def make(listener: Any, inherited: list[socket.socket]) -> socket.socket:
        sock = real(replace(listener, port=0), inherited)
        if listener.kind == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        return sock

    return make
