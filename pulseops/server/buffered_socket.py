"""The socket of a client, which is spared system calls that change nothing.

gunicorn changes how long a socket waits four times a request, and sends an answer's head before its body. Each of these
is a system call that lets go of the interpreter; when other threads want that, each costs a switch to one of them and
back.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from functools import wraps
from typing import Any

ANSWER_SECONDS = 30  # without a byte of the answer being taken


def _when_ready(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of a plain socket one of a Peer: first what is held goes out, and the system is told the wait."""

    @wraps(method)
    def ready(self: Peer, *args: Any, **kwargs: Any) -> Any:
        self.flush()
        self.tell()
        return method(self, *args, **kwargs)

    return ready


class Peer(socket.socket):
    """A socket that remembers how long it is to wait, and tells the system only when it reads or writes.

    After `hold`, what is sent first waits for what is sent next, or for `flush`.
    """

    _asked: float | None = None  # seconds, as `settimeout` takes them
    _told: float | None = None
    _holds = False
    _held = b""

    @classmethod
    def take_over(cls, plain: socket.socket) -> Peer:
        """Make one of an accepted socket, which is of no use any more."""
        asked = plain.gettimeout()
        peer = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        socket.socket.settimeout(peer, asked)  # a new object takes it for one that waits
        peer._asked = peer._told = asked
        bound = struct.pack("ll", ANSWER_SECONDS, 0)  # struct timeval
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)
        return peer

    def settimeout(self, value: float | None) -> None:
        self._asked = value

    def gettimeout(self) -> float | None:
        return self._asked

    def setblocking(self, flag: bool) -> None:
        self._asked = None if flag else 0.0

    def getblocking(self) -> bool:
        return self._asked != 0.0

    def tell(self) -> None:
        """Tell the system how long to wait, if it does not know."""
        if self._asked != self._told:
            super().settimeout(self._asked)
            self._told = self._asked

    def hold(self) -> None:
        """Keep what `sendall` is given next until there is more, or something is read."""
        self._holds = True

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            self.sendall(b"")

    def sendall(self, data: Any, *flags: Any) -> None:
        if self._holds:
            self._holds, self._held = False, data
            return
        if self._held:
            data, self._held = self._held + data, b""
        self.tell()
        super().sendall(data, *flags)

    recv = _when_ready(socket.socket.recv)
    recv_into = _when_ready(socket.socket.recv_into)
    send = _when_ready(socket.socket.send)
    sendfile = _when_ready(socket.socket.sendfile)
