"""gunicorn's worker of threads, none of which waits for a client.

The main thread watches all connections. It takes in what clients send, and only a request that has arrived whole is
given a thread; what a client does not take of its answer at once goes back to the main thread, which sends it on. Both
have an end: anyone who sends or takes less than WEB_BYTES_PER_SECOND is hung up on. Only bodies of more than
WEB_BUFFERED_BODY_BYTES and answers of more than a megabyte are passed on as they come; few threads do the former, and
the same ends hold.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import ThreadWorker

from pulseops.core.web.draining import draining
from pulseops.server.address_limit import AddressLimit, address_of
from pulseops.server.connection import ClientConnection
from pulseops.server.connection_balance import shares
from pulseops.server.options import WEB_BUFFER_BYTES, WEB_QUEUE_SECONDS
from pulseops.server.refusals import Refusal
from pulseops.server.request_buffer import Progress
from pulseops.server.request_threads import RequestThreads
from pulseops.server.tabs import HeldTabs

HESITATION_SECONDS = 0.002  # for a process with fewer connections to take the next one
_LINGER_SECONDS = 2.0  # for a client to hang up after the last answer, or to send another request to one who stops
_SWEEP_SECONDS = 0.25
_WARN_SECONDS = 60.0
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class BoundedWorker(ThreadWorker):
    """Named in pulseops.server.gunicorn."""

    def init_process(self) -> None:
        """Get ready in the new process, and serve."""
        self._threads = RequestThreads(self, self.cfg.threads)
        self._addresses = AddressLimit()
        self._receiving: dict[ClientConnection, int] = {}  # how many bytes of it are kept; oldest wait first
        self._answering: set[ClientConnection] = set()
        self._lingering: set[ClientConnection] = set()
        self._tabs = HeldTabs(self.method_queue.defer, self._drop)
        self._kept_bytes = 0
        self._swept_at = 0.0
        self._warned_at = -_WARN_SECONDS
        super().init_process()

    # -- The main thread: connections that come, send, take and go ---------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Take the next client, unless another process does that has fewer."""
        if shares.is_anybodys_less(self.nr_conns):
            time.sleep(HESITATION_SECONDS)
        try:
            sock, client = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _FULL and self._receiving:
                self._evict()
            elif error.errno != errno.ECONNABORTED:
                raise
            return
        if not self._addresses.admit(address_of(client)):
            self._turn_away(sock, client)
            return
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections and self._receiving:
            self._evict()
        self._receive(ClientConnection(sock, client, listener.getsockname()))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for clients that connect, send or take, and for threads that are done."""
        if self.alive:
            shares.tell(self.age, self.nr_conns)
        else:
            shares.forget(self.age)
        super().wait_for_and_dispatch_events(timeout)

    def _receive(self, conn: ClientConnection) -> None:
        """Watch a connection until its next request has arrived; what has arrived of it already may be enough."""
        if conn.request.progress in (Progress.HEAD, Progress.BODY):
            self._receiving[conn] = 0
            self.poller.register(conn, selectors.EVENT_READ, self._on_readable)
            self._keep(conn)
        else:
            self._judge(conn)

    def _on_readable(self, conn: ClientConnection) -> None:
        if conn not in self._receiving:  # it was hung up on by what came before in the same round
            return
        try:
            received = conn.receive()
        except OSError:
            self._leave(conn)
            self._drop(conn)
            return
        if conn.has_ended or conn.request.progress not in (Progress.HEAD, Progress.BODY):
            self._leave(conn)
            self._judge(conn)
        elif received:
            self._keep(conn)

    def _judge(self, conn: ClientConnection) -> None:
        """Have a request served that has arrived, or of which no more will; refuse one that is not a request."""
        if conn.request.progress is Progress.TOO_LARGE:
            self._refuse(conn, Refusal.HEAD_TOO_LARGE)
        elif conn.request.progress is not Progress.HEAD:
            if conn.request.progress is Progress.BODY:  # it is for the application to say that something is missing
                conn.request.stream()
            self._threads.add(conn)
        elif conn.is_silent:
            self._drop(conn)
        else:
            self._refuse(conn, Refusal.TOO_SLOW)

    def _keep(self, conn: ClientConnection) -> None:
        """Note how many bytes are kept for requests that are incomplete. Too many are what the oldest have to give."""
        self._kept_bytes += len(conn.request) - self._receiving[conn]
        self._receiving[conn] = len(conn.request)
        if self._kept_bytes > WEB_BUFFER_BYTES:
            oldest = min((each for each, kept in self._receiving.items() if kept), key=lambda each: each.since)
            self._leave(oldest)
            self._refuse(oldest, Refusal.BUSY)

    def _leave(self, conn: ClientConnection) -> None:
        """Watch a connection no more."""
        self._kept_bytes -= self._receiving.pop(conn, 0)
        self._answering.discard(conn)
        self._lingering.discard(conn)
        self.poller.unregister(conn)

    def _evict(self) -> None:
        """Make room: hang up on the one whose next request is waited for longest."""
        oldest = min(self._receiving, key=lambda conn: conn.since)
        self._leave(oldest)
        self._drop(oldest)

    def _refuse(self, conn: ClientConnection, refusal: Refusal) -> None:
        """Answer what needs no thread, and hang up."""
        conn.is_kept = False
        try:
            conn.sendall(refusal.answer(conn.request.head))
        except OSError:
            self._drop(conn)
        else:
            self._answer(conn)

    def _turn_away(self, sock: socket.socket, client: Any) -> None:
        """Hang up on a connection too many of one address."""
        with suppress(OSError):
            sock.setblocking(False)
            sock.send(Refusal.TOO_MANY.answer(b""))
        sock.close()
        if (now := time.monotonic()) > self._warned_at + _WARN_SECONDS:
            self._warned_at = now
            self.log.warning("%s has too many connections (WEB_CONNECTIONS_PER_ADDRESS).", address_of(client))

    def _answer(self, conn: ClientConnection) -> None:
        """Send on what a client has not taken of its answer; then wait for its next request, or hang up."""
        try:
            is_sent = conn.flush()
        except OSError:
            self._drop(conn)
            return
        if not is_sent:
            self._answering.add(conn)
            self.poller.register(conn, selectors.EVENT_WRITE, self._on_writable)
        elif conn.is_kept:
            conn.begin_next()
            self._receive(conn)
        elif conn.hang_up():
            self._lingering.add(conn)
            self.poller.register(conn, selectors.EVENT_READ, self._on_lingering)
        else:
            self._drop(conn)

    def _on_writable(self, conn: ClientConnection) -> None:
        if conn in self._answering:
            self._leave(conn)
            self._answer(conn)

    def _on_lingering(self, conn: ClientConnection) -> None:
        if conn in self._lingering and not conn.discard():
            self._leave(conn)
            self._drop(conn)

    def _drop(self, conn: ClientConnection) -> None:
        conn.drop()
        self.nr_conns -= 1
        self._addresses.leave(address_of(conn.client))

    # -- The main thread: what has taken too long --------------------------------------------------------------------

    def murder_pending(self) -> None:
        """Hang up on clients that send or take too slowly, and answer those that no thread has been free for.

        gunicorn calls this once for each time it has waited for events.
        """
        now = time.monotonic()
        if now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        for conn in [each for each in self._receiving if now > self._receiving_until(each)]:
            self._leave(conn)
            conn.has_ended = True
            self._judge(conn)
        for conn in [each for each in self._answering if now > each.answer_due_at()]:
            self._leave(conn)
            self._drop(conn)
        for conn in [each for each in self._lingering if now > each.since + _LINGER_SECONDS]:
            self._leave(conn)
            self._drop(conn)
        for conn in self._threads.lanes.overdue(now - WEB_QUEUE_SECONDS):
            self._refuse(conn, Refusal.BUSY)
        self._tabs.sweep(now, is_alive=self.alive)

    def murder_keepalived(self, force: bool = False) -> None:
        """Hang up on everybody who is not being served, if `force`; gunicorn has none of its own to look after."""
        for conn in [*self._receiving, *self._answering, *self._lingering] if force else ():
            self._leave(conn)
            self._drop(conn)
        if force:
            self._tabs.let_all_go()

    def _receiving_until(self, conn: ClientConnection) -> float:
        if not conn.is_silent or not conn.is_kept:
            return conn.request_due_at()
        return conn.since + (self.cfg.keepalive if self.alive else min(self.cfg.keepalive, _LINGER_SECONDS))

    # -- Threads -----------------------------------------------------------------------------------------------------

    def take_back(self, conn: ClientConnection) -> None:
        """Take a connection back from its thread; called on the main thread."""
        if conn.is_broken:
            self._drop(conn)
        elif conn.tab is not None:
            self._tabs.hold(conn, self.poller)
        else:
            self._answer(conn)

    def serve_one(self, conn: ClientConnection) -> bool:
        """Serve one request on its thread; returns whether the connection may have another."""
        request = None
        try:
            request = next(RequestParser(self.cfg, conn, conn.client))
            if conn.request.progress is Progress.STREAMED or draining.has_begun:
                request.force_close()  # where the body ends is not known here, or no next request is to come to us
            return bool(self.handle_request(request, conn)) and not conn.is_broken and conn.tab is None
        except (StopIteration, NoMoreData):
            return False
        except OSError as error:
            self.log.debug("A client hung up or was too slow: %s", error)
        except Exception as error:
            self.handle_error(request, conn, conn.client, error)
        return False
