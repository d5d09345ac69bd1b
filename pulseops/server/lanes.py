"""Which requests wait for a thread, and how many of a kind have one at the same time.

No kind of request can have all threads: pages are served while senders wait for the database, logs are taken in while
pages wait, and health is answered by a thread that does nothing else. Journals, bodies that may have no end, have
threads of their own too. In line for a thread are those first whose organisation (or address, where that is not known)
has the fewest; of pages and large bodies it has a few at most, so that what one organisation asks for at the same time
is its own to wait for.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field

from pulseops.core.web.machine_routes import MACHINE_PREFIXES
from pulseops.server.connection import ClientConnection
from pulseops.server.options import WEB_PAGES_PER_ORG, WEB_STREAMS
from pulseops.server.request_buffer import LASTING, Progress

_HEALTH = (b"GET /api/health ", b"HEAD /api/health ")
_MACHINES = tuple(prefix.encode() for prefix in MACHINE_PREFIXES)
_JOURNAL_PATIENCE = 60.0  # seconds in line: a refusal ends systemd-journal-upload


@dataclass(eq=False, slots=True)
class Lane:
    """Requests of one kind: those in line, each since when, and how many of at most `limit` have a thread.

    `patience` is how many seconds they stand in line beyond those of all; `is_lasting` that they may have no end;
    `most_of_one` how many threads one party has at most.
    """

    limit: int
    most_of_one: int
    has_own_threads: bool = False
    is_lasting: bool = False
    patience: float = 0.0
    busy: int = 0
    line: deque[tuple[float, ClientConnection]] = field(default_factory=deque)
    served: Counter[int] = field(default_factory=Counter)  # by party

    def take(self) -> ClientConnection | None:
        """Give the next in line a thread; None where none of those in line may have one more."""
        served = self.served
        entry = min(self.line, key=lambda each: (served[each[1].party], each[0]))
        conn = entry[1]
        if served[conn.party] >= self.most_of_one:
            return None
        self.line.remove(entry)
        self.busy += 1
        served[conn.party] += 1
        return conn

    def leave(self, conn: ClientConnection) -> None:
        """Note that a thread is done."""
        self.busy -= 1
        self._discount(conn.party)

    def recount(self, conn: ClientConnection, party: int) -> None:
        """Count a request that has a thread as that of another party: it was not known whose it is."""
        self._discount(conn.party)
        self.served[party] += 1
        conn.party = party

    def _discount(self, party: int) -> None:
        self.served[party] -= 1
        if self.served[party] <= 0:
            del self.served[party]


class Lanes:
    """The kinds of requests that `threads` threads serve, and two more; only the main thread changes anything here."""

    def __init__(self, threads: int) -> None:
        reserved = threads // 4
        streams = max(1, threads // 8)
        share = max(1, threads - reserved - streams)
        self.health = Lane(1, 1, has_own_threads=True)
        self.journals = Lane(
            WEB_STREAMS, WEB_STREAMS, has_own_threads=True, is_lasting=True, patience=_JOURNAL_PATIENCE
        )
        self._streams = Lane(streams, max(1, streams // 2))
        self._machines = Lane(share, share)
        self._pages = Lane(share, min(share, WEB_PAGES_PER_ORG))
        self._shared = [self._machines, self._pages, self._streams]
        self._free = threads

    def lane_of(self, conn: ClientConnection) -> Lane:
        """Return the lane of the request that has arrived on a connection."""
        head = conn.request.head
        if conn.request.progress is Progress.STREAMED:
            return self.journals if head.startswith(LASTING) else self._streams
        if head.startswith(_HEALTH):
            return self.health
        return self._machines if head.partition(b" ")[2].startswith(_MACHINES) else self._pages

    def is_anyone_waiting(self, lane: Lane) -> bool:
        """Return whether a request waits for a thread that serves `lane`; any thread may ask."""
        return bool(lane.line) if lane.has_own_threads else any(each.line for each in self._shared)

    def add(self, conn: ClientConnection) -> None:
        """Put a request in line."""
        conn.find_party()
        self.lane_of(conn).line.append((time.monotonic(), conn))

    def next(self) -> tuple[Lane, ClientConnection] | None:
        """Take the request that is to be served next, if there is one and a thread for it."""
        lanes = [self.health, self.journals, *sorted(self._shared, key=lambda lane: lane.busy)]
        for lane in lanes:
            is_free = lane.line and lane.busy < lane.limit and (lane.has_own_threads or self._free)
            if is_free and (conn := lane.take()):
                self._free -= not lane.has_own_threads
                return lane, conn
        return None

    def release(self, lane: Lane, conn: ClientConnection) -> None:
        """Note that a thread is done."""
        lane.leave(conn)
        self._free += not lane.has_own_threads

    def overdue(self, since: float) -> list[ClientConnection]:
        """Take out of line those that have stood there since before `since`."""
        overdue = []
        for lane in (self.health, self.journals, *self._shared):
            while lane.line and lane.line[0][0] < since - lane.patience:
                overdue.append(lane.line.popleft()[1])
        return overdue
