"""A client's connection: what of its requests has arrived, and what of the answer it has not taken yet.

To gunicorn it is the client's socket: its parser reads the current request from here, and its answers are written here.
No read waits for a request that has arrived, and no write for a client that takes a small answer slowly: what it does
not take at once is kept, for the worker's main thread to send on.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from pulseops.core.web.senders import org_of
from pulseops.server.options import (
    TRUSTED_PROXIES,
    WEB_ANSWER_SECONDS,
    WEB_BYTES_PER_SECOND,
    WEB_REQUEST_SECONDS,
    WEB_STREAM_SECONDS,
)
from pulseops.server.request_buffer import Progress, RequestBuffer, header_value
from pulseops.server.tabs import Tab, tabs

_SESSION = b"pulseops_session="  # as the end of a cookie's name and what follows it
_RECEIVE_BYTES = 256 * 1024
_UNSENT_BYTES = 1024 * 1024  # of an answer that are kept; a larger one waits with its thread
_KERNEL_BYTES = 256 * 1024  # of an answer that the system keeps beside those
_PIECES = 64  # of an answer that one system call sends


class ClientConnection:
    """The main thread and those that serve requests hand it to each other; none uses it while another has it."""

    def __init__(self, sock: socket.socket, client: Any, server: Any) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        self.sock = self  # gunicorn writes answers to the connection's `sock`
        self.client, self.server = client, server
        self.request = RequestBuffer()
        self.party = 0  # a number that stands for who the current request is of
        self.is_served = False  # the current request, by a thread
        self.is_kept = False  # for another request, after an answer
        self.is_broken = False  # it hung up, or nothing more may be sent
        self.has_ended = False  # it sends nothing more, or not in time
        self.since = time.monotonic()  # it began to do what it is waited for
        self._socket = sock
        self._received = 0  # bytes of the current request
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._sent = 0  # bytes of the current answer
        self._answered_from: float | None = None
        self._is_wanted: Callable[[], bool] | None = None
        self._lasts_since = 0.0
        self.tab: Tab | None = None  # that this is held for; nothing else is sent to it then

    def fileno(self) -> int:
        return self._socket.fileno()

    # -- Requests, as gunicorn's parser reads them -------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """Return what comes next of the current request. Raises OSError where it did not arrive."""
        if taken := self.request.take(size):
            return taken
        if self.is_broken or self.has_ended or self.request.progress is not Progress.STREAMED:
            raise ConnectionError("The request did not arrive whole.")
        return self._stream(size)

    def _stream(self, size: int, until: float | None = None) -> bytes:
        while True:
            self._wait(select.POLLIN, until or self.request_due_at())
            with suppress(BlockingIOError):
                data = self._socket.recv(min(size, _RECEIVE_BYTES))
                self._received += len(data)
                if not data:
                    self.has_ended = True
                    raise ConnectionError("The client hung up in the middle.")
                return data

    @property
    def mark(self) -> int:
        """A number made of the session or the key that the current request shows, 0 if it shows none."""
        head = self.request.head.lower()
        shown = header_value(head, b"x-api-key") or header_value(head, b"authorization")
        if not shown and (cookie := header_value(head, b"cookie")):
            shown = cookie.partition(_SESSION)[2].partition(b";")[0]
        return hash(shown) if shown else 0

    @property
    def address(self) -> int:
        """A number made of the client's address: behind TRUSTED_PROXIES the one that the outermost of them has seen."""
        if TRUSTED_PROXIES and (forwarded := header_value(self.request.head.lower(), b"x-forwarded-for")):
            addresses = forwarded.split(b",")
            return hash(addresses[-min(TRUSTED_PROXIES, len(addresses))].strip())
        return hash(self.client[0] if isinstance(self.client, tuple) else "")

    def find_party(self) -> None:
        """Find out who the current request is of: the organisation where its mark is known, else an address."""
        self.party = org_of(self.mark) or self.address

    def last_until(self, is_wanted: Callable[[], bool]) -> None:
        """Let the current request go on without an end; `is_wanted` says that others wait for its thread."""
        self._is_wanted, self._lasts_since = is_wanted, time.monotonic()

    @property
    def is_lasting(self) -> bool:
        """Whether the body of the current request may be read by `recv_within`."""
        return self._is_wanted is not None

    @property
    def is_to_make_way(self) -> bool:
        """Whether the current request has lasted, and others wait for its thread."""
        is_over = time.monotonic() > self._lasts_since + WEB_STREAM_SECONDS
        return is_over and self._is_wanted is not None and self._is_wanted()

    def recv_within(self, seconds: float) -> bytes | None:
        """Return what comes next of a body without an end, None if nothing does within `seconds`. Raises OSError."""
        if taken := self.request.take(_RECEIVE_BYTES):
            return taken
        if self.is_broken or self.has_ended:
            raise ConnectionError("The request did not arrive whole.")
        if not self._is_ready(select.POLLIN, time.monotonic() + seconds):
            return None
        return self._stream(_RECEIVE_BYTES, until=time.monotonic() + seconds)

    def receive(self) -> int:
        """Take in what has arrived, without waiting; returns how many bytes. Raises OSError when it hung up."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self.has_ended = True
            return 0
        if not self._received:
            self.since = time.monotonic()
        self._received += len(data)
        self.request.add(data)
        return len(data)

    def receive_within(self, seconds: float) -> bool:
        """Wait for the next request; returns whether it has arrived whole."""
        until = time.monotonic() + seconds
        while self.request.progress in (Progress.HEAD, Progress.BODY):
            if not self.receive() and (self.has_ended or not self._is_ready(select.POLLIN, until)):
                return False
        return self.request.progress is Progress.WHOLE

    def request_due_at(self) -> float:
        """Return when the current request must have arrived, by what has arrived of it."""
        return self.since + WEB_REQUEST_SECONDS + self._received / WEB_BYTES_PER_SECOND

    @property
    def is_silent(self) -> bool:
        """Whether nothing of a request has arrived."""
        return not self._received

    def begin_next(self) -> None:
        """Get ready for the next request, if the current one was served."""
        if not self.is_served:
            return
        self.is_served = False
        self._is_wanted = None
        self.request.forget()
        self._received = len(self.request)
        self._sent, self._answered_from = 0, None
        self.since = time.monotonic()

    # -- Answers, as gunicorn writes them ----------------------------------------------------------------------------

    def sendall(self, data: Any) -> None:
        """Send a part of the answer, or keep it. The first part, the head, waits for the next or for `flush`."""
        if self.is_broken:
            raise BrokenPipeError("The client hung up.")
        if self.tab is not None:  # the main thread answers
            return
        if self._answered_from is None:
            self._answered_from = time.monotonic()
        is_head = not self._unsent and not self._sent
        self._unsent.append(memoryview(data))
        self._unsent_bytes += len(data)
        if not is_head:
            self.flush()
        while self._unsent_bytes > _UNSENT_BYTES:
            self._wait(select.POLLOUT, self.answer_due_at())
            self.flush()

    def send(self, data: bytes) -> int:
        """Send what the client waits for before it goes on: `100 Continue`."""
        self.sendall(data)
        self.flush()
        self._sent, self._answered_from = 0, None  # the answer comes later
        return len(data)

    def sendfile(self, file: BinaryIO, offset: int = 0, count: int | None = None) -> int:
        """Send a file, or `count` bytes of it."""
        file.seek(offset)
        sent = 0
        while data := file.read(_RECEIVE_BYTES if count is None else min(_RECEIVE_BYTES, count - sent)):
            self.sendall(data)
            sent += len(data)
        return sent

    def flush(self) -> bool:
        """Send what the client takes without being waited for; returns whether that is all."""
        while self._unsent:
            try:
                sent = self._socket.sendmsg([self._unsent[n] for n in range(min(len(self._unsent), _PIECES))])
            except BlockingIOError:
                return False
            except OSError:
                self.is_broken = True
                self._unsent.clear()
                raise
            self._drop(sent)
        return True

    def _drop(self, sent: int) -> None:
        self._sent += sent
        self._unsent_bytes -= sent
        while sent:
            if sent < len(self._unsent[0]):
                self._unsent[0] = self._unsent[0][sent:]
                return
            sent -= len(self._unsent.popleft())

    def answer_due_at(self) -> float:
        """Return when the client must have taken the answer, by what it has taken of it."""
        return (self._answered_from or time.monotonic()) + WEB_ANSWER_SECONDS + self._sent / WEB_BYTES_PER_SECOND

    # -- Tabs ---------------------------------------------------------------------------------------------------------

    def hold(self, tab: Tab) -> None:
        """Keep the connection for `tab`: whatever the view answers is not sent, and its thread is free."""
        self.tab = tab

    def push(self, data: bytes) -> bool:
        """Send something to the tab; returns whether it takes what is sent. Raises OSError when it hung up."""
        self._unsent.append(memoryview(data))
        return self.flush()

    # -- The end -----------------------------------------------------------------------------------------------------

    def hang_up(self) -> bool:
        """Say that nothing more comes; returns whether the client is still to be listened to until it hangs up too.

        Closed at once, a connection on which something arrived unread is reset, and the client may lose the answer.
        """
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        self.since = time.monotonic()
        return True

    def discard(self) -> bool:
        """Throw away what arrives after the end; returns whether more may come."""
        try:
            return bool(self._socket.recv(_RECEIVE_BYTES))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def shutdown(self, how: int) -> None:
        """Note that this answer cannot be finished; gunicorn calls this and what follows when one breaks off."""
        self.is_broken = True

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: waits have ends of their own."""

    def gettimeout(self) -> float:
        """Say that no call waits, so that gunicorn sees no reason to change that before it writes an error."""
        return 0.0

    def close(self) -> None:
        """Note that the connection is to be closed; the main thread does it."""
        self.is_kept = False

    def drop(self) -> None:
        """Close the connection."""
        if self.tab is not None:
            tabs.leave(self.tab)
        with suppress(OSError):
            self._socket.close()

    # -- Waiting -----------------------------------------------------------------------------------------------------

    def _wait(self, event: int, until: float) -> None:
        if not self._is_ready(event, until):
            self.is_broken = event == select.POLLOUT
            self.has_ended = True
            raise TimeoutError("The client is too slow.")

    def _is_ready(self, event: int, until: float) -> bool:
        poll = select.poll()  # select() knows no more than 1,024 files
        poll.register(self._socket, event)
        return bool(poll.poll(max(0.0, (until - time.monotonic()) * 1000)))
