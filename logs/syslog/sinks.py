"""Messages of one key on their way into the database: few in memory, stored in groups, in the order they came.

While the database is away, or the key has sent enough for now, a group waits. Then there is soon no more room: what
sends by TCP is not read any more, and waits with it. UDP cannot wait, so what does not fit is counted for the owner.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db import InterfaceError, OperationalError, connection

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.commit import commit_piece
from logs.ingest.guards import gate
from logs.ingest.protocols.gelf import NO_JSON, read_document
from logs.ingest.refusals import record_refusals
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import AlreadyAnsweredError, Receipt
from logs.ingest.syslog import read_line
from logs.syslog.listeners import GELF, SYSLOG
from pulseops.core.web.json_errors import ApiError
from services.authentication import Credential, KeyScope, authenticate

GROUP_LINES, GROUP_BYTES = 500, 1024 * 1024
GATHER_SECONDS = 0.2
IDLE_SECONDS = 60.0
LEAST_BYTES = 320 * 1024  # of one key: a message has room, whatever others send
DROPPED = "came by UDP faster than they could be stored"
_LONGEST_WAIT = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """A message as it came; times in it that name no zone are in `zone`."""

    content: bytes
    received_at: datetime
    zone: tzinfo


READERS: dict[str, Callable[[Line], Row | None]] = {
    SYSLOG: lambda line: read_line(line.content, line.received_at, line.zone),
    GELF: lambda line: read_document(line.content),
}
_warned: dict[str, float] = {}


def warn_now_and_then(text: str, *values: object) -> None:
    """Write a warning, each text at most once a minute: strangers can cause them."""
    if time.monotonic() > _warned.get(text, 0.0):
        _warned[text] = time.monotonic() + 60.0
        log.warning(text, *values)


class KeyRefusedError(Exception):
    """The key does not store logs (any more)."""


class Sink:
    """The messages of one key. Everything here runs on the event loop but `_store`."""

    def __init__(self, credential: Credential, room: Callable[[], int], executor: Executor) -> None:
        self._credential = credential
        self._room = room
        self._executor = executor
        self._lines: deque[Line] = deque()
        self._bytes = 0
        self._dropped = Refused()
        self._has_lines, self._has_room, self._is_crowded = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._waiting = 0
        self.is_refused = False
        self.has_ended = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be stored."""
        return not self._lines and not self._dropped.counts

    def offer(self, line: Line) -> None:
        """Take a message that cannot wait; without room for it, count it."""
        if self._bytes + len(line.content) > max(self._room(), LEAST_BYTES):
            self.refuse(DROPPED, line.content)
        else:
            self._append(line)

    def refuse(self, reason: str, sample: bytes) -> None:
        """Count a message that is not stored, for the owner of the key."""
        self._dropped.add(reason, sample)
        self._has_lines.set()

    async def put(self, line: Line) -> None:
        """Take a message as soon as there is room. Raises KeyRefusedError."""
        while self._bytes and self._bytes + len(line.content) > max(self._room(), LEAST_BYTES):
            self._has_room.clear()
            self._waiting += 1
            self._is_crowded.set()
            try:
                await self._has_room.wait()
            finally:
                self._waiting -= 1
        if self.is_refused:
            raise KeyRefusedError
        self._append(line)

    def _append(self, line: Line) -> None:
        self._lines.append(line)
        self._bytes += len(line.content)
        self._has_lines.set()

    async def run(self) -> None:
        """Store what comes, until nothing has come for a minute, or the key is refused."""
        while not self.is_refused:
            try:
                await asyncio.wait_for(self._has_lines.wait(), IDLE_SECONDS)
            except TimeoutError:
                return
            if len(self._lines) < GROUP_LINES and not self._waiting:
                await self._gather()
            await self._store_group()

    async def _gather(self) -> None:
        """Let a few messages become more, unless one has to wait for room meanwhile."""
        self._is_crowded.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_crowded.wait(), GATHER_SECONDS)

    async def _store_group(self) -> None:
        group, size = self._group()
        dropped, self._dropped = self._dropped, Refused()
        piece = _Piece(self._credential, group, size, dropped)
        loop = asyncio.get_running_loop()
        while (wait := await loop.run_in_executor(self._executor, piece.store)) is not None:
            if wait < 0:
                self.is_refused = True
                break
            await asyncio.sleep(min(wait, _LONGEST_WAIT))
        for _ in list(self._lines) if self.is_refused else group:
            self._bytes -= len(self._lines.popleft().content)
        self._has_room.set()
        if self.is_empty:
            self._has_lines.clear()

    def _group(self) -> tuple[list[Line], int]:
        """Return the messages that are stored next, and their bytes; they count as ours until that is done."""
        group: list[Line] = []
        size = 0
        for line in self._lines:
            if len(group) >= GROUP_LINES or (group and size + len(line.content) > GROUP_BYTES):
                break
            group.append(line)
            size += len(line.content)
        return group, size


class _Piece:
    """A group that is stored once, however often that is tried: its receipt says so."""

    def __init__(self, credential: Credential, lines: list[Line], size: int, dropped: Refused) -> None:
        self._credential = credential
        self._lines = lines
        self._size = size
        self._dropped = dropped
        self._receipt = Receipt(f"{SYSLOG}:{uuid.uuid4().hex}", {"entries": len(lines)})

    def store(self) -> float | None:
        """Store it; returns None when that is done, seconds to wait before it is tried again, or less than none when
        the key is refused, and what it sent is lost."""
        try:
            return self._try()
        finally:
            if len(self._lines) < GROUP_LINES:  # there may be nothing more for long
                connection.close()

    def _try(self) -> float | None:
        try:
            scope = self._commit()
            if self._dropped.counts:
                record_refusals(scope, self._credential, self._dropped)
        except ApiError as error:
            if error.code in {"RATE_LIMITED", "UNAVAILABLE"}:
                return float(error.retry_after or 1)
            warn_now_and_then("%d messages of syslog are lost: %s", len(self._lines), error.message)
            return None if error.code == "VALIDATION_ERROR" else -1.0
        except (OperationalError, InterfaceError) as error:
            warn_now_and_then("messages of syslog wait for the database: %s", type(error).__name__)
            gate.report(error)
            connection.close()
            return _LONGEST_WAIT
        except Exception:  # one group is not to end the process, nor to be tried without an end
            log.exception("%d messages of syslog are lost by an error of ours", len(self._lines))
        return None

    def _commit(self) -> KeyScope:
        if not self._lines:
            return authenticate(self._credential).scope
        reader = READERS[self._credential.protocol]
        rows = [reader(line) for line in self._lines]
        unread = [line.content for line, row in zip(self._lines, rows, strict=True) if row is None]

        def read(window: AcceptedTimes) -> Batch:
            refused = Refused()
            for document in unread:
                refused.add(NO_JSON, document)
            batch = batch_of([row for row in rows if row is not None], window, refused)
            batch.size = self._size
            return batch

        try:
            return commit_piece(self._credential, read, self._receipt)
        except AlreadyAnsweredError:  # the answer of the first time was lost
            return authenticate(self._credential).scope


class Sinks:
    """The sinks of all keys that send at the moment, at most `most_keys`; together they hold about `most_bytes`."""

    def __init__(self, executor: Executor, *, most_keys: int, most_bytes: int) -> None:
        self._executor = executor
        self._most_keys, self._most_bytes = most_keys, most_bytes
        self._sinks: dict[Credential, Sink] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, credential: Credential) -> Sink:
        """Return the sink of a key. Raises KeyRefusedError while there are too many."""
        sink = self._sinks.get(credential)
        if sink is None or sink.is_refused:
            if sink is None and len(self._sinks) >= self._most_keys:
                raise KeyRefusedError
            sink = self._sinks[credential] = Sink(credential, self._room, self._executor)
            task = asyncio.create_task(self._run(credential, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return sink

    def _room(self) -> int:
        return self._most_bytes // max(1, sum(not sink.is_empty for sink in self._sinks.values()))

    async def _run(self, credential: Credential, sink: Sink) -> None:
        try:
            await sink.run()
        finally:
            sink.has_ended = True
            if self._sinks.get(credential) is sink and (sink.is_empty or sink.is_refused):
                del self._sinks[credential]

    async def drain(self, seconds: float) -> None:
        """Wait until all is stored, for `seconds` at most."""
        until = asyncio.get_running_loop().time() + seconds
        while any(not sink.is_empty for sink in self._sinks.values()):
            if asyncio.get_running_loop().time() > until:
                log.error("messages of syslog are lost: they could not be stored before the end")
                return
            await asyncio.sleep(0.05)
