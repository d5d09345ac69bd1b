"""A thread for each request that has arrived, as the lanes have one for it."""

from __future__ import annotations

from concurrent import futures
from functools import partial
from typing import Any, Protocol

from pulseops.core.web import senders
from pulseops.server.connection import ClientConnection
from pulseops.server.lanes import Lane, Lanes
from pulseops.server.options import WEB_STREAMS

STAY_SECONDS = 0.005  # for a client's next request to come


class Server(Protocol):
    """The worker whose main thread watches the connections, as gunicorn makes it."""

    alive: bool
    tpool: futures.ThreadPoolExecutor
    method_queue: Any  # .defer(callback, *arguments) has the main thread call it

    def serve_one(self, conn: ClientConnection) -> bool:
        """Serve one request; return whether the connection may have another."""

    def take_back(self, conn: ClientConnection) -> None:
        """Take a connection back from its thread; called on the main thread."""


class RequestThreads:
    """Serves requests on threads; what has no comment is called on the main thread alone."""

    def __init__(self, server: Server, threads: int) -> None:
        self._server = server
        self.lanes = Lanes(threads)
        self._health_thread = futures.ThreadPoolExecutor(1, "health")
        self._journal_threads = futures.ThreadPoolExecutor(WEB_STREAMS, "journal")

    def add(self, conn: ClientConnection) -> None:
        """Have a request served that has arrived, when there is a thread for it."""
        self.lanes.add(conn)
        self._dispatch()

    def _dispatch(self) -> None:
        """Give each request a thread that there is one for."""
        while taken := self.lanes.next():
            lane, conn = taken
            self._threads_of(lane).submit(self._serve, lane, conn)

    def _threads_of(self, lane: Lane) -> futures.ThreadPoolExecutor:
        if lane.is_lasting:
            return self._journal_threads
        return self._health_thread if lane.has_own_threads else self._server.tpool

    def _serve(self, lane: Lane, conn: ClientConnection) -> None:
        """Serve a connection's request on its thread, and those that follow at once while no one waits for the thread.

        Going back to the main thread, which would watch the connection and give it a thread again, costs the web
        processes 8 % more of a batch of 200 logs, and 29 % of a single log.
        """
        server, lanes = self._server, self.lanes
        if lane.is_lasting:
            conn.last_until(lambda: not server.alive or lanes.is_anyone_waiting(lane))
        try:
            conn.is_kept = self._serve_one(lane, conn)
            while conn.is_kept and server.alive and not lanes.is_anyone_waiting(lane) and conn.flush():
                conn.begin_next()
                if not conn.receive_within(STAY_SECONDS) or lanes.lane_of(conn) is not lane:
                    break
                conn.is_kept = self._serve_one(lane, conn)
        except OSError:
            conn.is_broken = True
        finally:
            server.method_queue.defer(self._take_back, lane, conn)

    def _serve_one(self, lane: Lane, conn: ClientConnection) -> bool:
        conn.is_served = True
        senders.serving(conn.mark, partial(self._find, lane, conn))
        return self._server.serve_one(conn)

    def _find(self, lane: Lane, conn: ClientConnection, party: int) -> None:
        """Have the request that this thread serves counted as its organisation's, where it was not before."""
        if conn.party != party:
            self._server.method_queue.defer(self._recount, lane, conn, party)

    def _recount(self, lane: Lane, conn: ClientConnection, party: int) -> None:
        """Count a request anew; others may have room for one more then."""
        lane.recount(conn, party)
        self._dispatch()

    def _take_back(self, lane: Lane, conn: ClientConnection) -> None:
        self.lanes.release(lane, conn)
        self._server.take_back(conn)
        self._dispatch()
