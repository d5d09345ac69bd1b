"""Which requests wait for a thread, and how many of a kind have one at the same time.

No kind of request can have all threads: pages are served while senders wait for the database, logs are taken in while
pages wait, and health is answered by a thread that does nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from pulseops.core.web.machine_routes import MACHINE_PREFIXES
from pulseops.server.connection import ClientConnection
from pulseops.server.request_buffer import Progress

_HEALTH = (b"GET /api/health ", b"HEAD /api/health ")
_MACHINES = tuple(prefix.encode() for prefix in MACHINE_PREFIXES)


@dataclass(eq=False, slots=True)
class Lane:
    """Requests of one kind: those in line, each since when, and how many of at most `limit` have a thread."""

    limit: int
    has_own_thread: bool = False
    busy: int = 0
    line: deque[tuple[float, ClientConnection]] = field(default_factory=deque)


class Lanes:
    """The kinds of requests that `threads` threads serve, and health; only the main thread changes anything here."""

    def __init__(self, threads: int) -> None:
        reserved = threads // 4
        streams = max(1, threads // 8)
        share = max(1, threads - reserved - streams)
        self.health = Lane(1, has_own_thread=True)
        self._streams, self._machines, self._pages = Lane(streams), Lane(share), Lane(share)
        self._shared = [self._machines, self._pages, self._streams]
        self._free = threads

    def lane_of(self, conn: ClientConnection) -> Lane:
        """Return the lane of the request that has arrived on a connection."""
        if conn.request.progress is Progress.STREAMED:
            return self._streams
        head = conn.request.head
        if head.startswith(_HEALTH):
            return self.health
        return self._machines if head.partition(b" ")[2].startswith(_MACHINES) else self._pages

    def is_anyone_waiting(self, lane: Lane) -> bool:
        """Return whether a request waits for a thread that serves `lane`; any thread may ask."""
        return bool(lane.line) if lane.has_own_thread else any(each.line for each in self._shared)

    def add(self, conn: ClientConnection) -> None:
        """Put a request in line."""
        self.lane_of(conn).line.append((time.monotonic(), conn))

    def next(self) -> tuple[Lane, ClientConnection] | None:
        """Take the request that is to be served next, if there is one and a thread for it."""
        lanes = [self.health, *sorted(self._shared, key=lambda lane: lane.busy)]
        for lane in lanes:
            if lane.line and lane.busy < lane.limit and (lane.has_own_thread or self._free):
                lane.busy += 1
                self._free -= not lane.has_own_thread
                return lane, lane.line.popleft()[1]
        return None

    def release(self, lane: Lane) -> None:
        """Note that a thread is done."""
        lane.busy -= 1
        self._free += not lane.has_own_thread

    def overdue(self, since: float) -> list[ClientConnection]:
        """Take out of line those that have stood there since before `since`."""
        overdue = []
        for lane in (self.health, *self._shared):
            while lane.line and lane.line[0][0] < since:
                overdue.append(lane.line.popleft()[1])
        return overdue
