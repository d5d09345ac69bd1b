"""How much of a process waits for a worker of Citus that went without a word.

A worker that is gone and says so lets its statements fail at once. Of one that hangs, or whose machine is cut off,
Citus waits some seconds, and each statement holds a connection of this process meanwhile, of which there are few. So
one worker has at most half of them. When it has ended none of its statements for DATABASE_WORKER_SECONDS it counts as
silent: who comes then, or waits in line, is refused at once. After a statement that failed since the worker is away,
one at a time tries whether it is back.

Which worker has an organisation's logs is asked of the coordinator, and remembered for a minute: shards are moved.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection

from pulseops.core.db.answer_timeout import give_back_connection
from pulseops.core.db.distribution import is_distributed, is_worker_away

LOOK_SECONDS = 0.1  # between two looks of one that waits
_KNOWN_SECONDS = 60.0
_MOST_KNOWN = 100_000  # organisations
_PLACE = """
    SELECT groupid FROM pg_dist_placement
    WHERE shardid = get_shard_id_for_distribution_column('log_counts', %s::uuid) AND shardstate = 1
"""


class WorkerSilentError(OperationalError):
    """The worker that has an organisation's logs does not answer, so nothing was tried."""

    def __init__(self) -> None:
        super().__init__("A worker of Citus does not answer.")


class WorkerBreaker:
    """What this process has to do with one worker: its statements under way, and whether it answers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._busy = 0
        self._is_away = False
        self._heard_at = 0.0  # when it last ended a statement, or was asked while it had none

    @property
    def is_silent(self) -> bool:
        """Whether there are statements under way, and none of them has ended for too long."""
        silence = time.monotonic() - self._heard_at
        return self._busy > 0 and (self._is_away or silence > settings.DATABASE_WORKER_SECONDS)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Wait until the worker may be asked for one thing more. Raises WorkerSilentError."""
        self._enter()
        is_away = False
        try:
            yield
        except DatabaseError as error:
            is_away = self.is_silent or _is_about_worker(error)
            raise
        finally:
            with self._changed:
                self._busy, self._heard_at, self._is_away = self._busy - 1, time.monotonic(), is_away
                self._changed.notify_all()

    def _enter(self) -> None:
        until = time.monotonic() + settings.DATABASE_WAIT_SECONDS
        with self._changed:
            if self._busy >= self._most:
                give_back_connection()
            while self._busy >= self._most and not self.is_silent and time.monotonic() < until:
                self._changed.wait(LOOK_SECONDS)
            if self._busy >= self._most or self.is_silent:
                raise WorkerSilentError
            if not self._busy:
                self._heard_at = time.monotonic()
            self._busy += 1


class WorkerBreakers:
    """The workers that this process knows, and which of them has which organisation's logs."""

    def __init__(self) -> None:
        self._by_group: dict[int, WorkerBreaker] = {}
        self._groups: dict[UUID, tuple[int, float]] = {}  # by organisation: of which node, and when that was asked

    @contextmanager
    def room_for(self, org_id: UUID) -> Iterator[None]:
        """Let this thread ask the worker that has an organisation's logs, perhaps once others are done.

        Raises WorkerSilentError. Nothing where no table is distributed, and in a process that shares no connections.
        """
        if not settings.DATABASE_POOL_SIZE or not is_distributed():
            yield
            return
        with self._of(org_id).room():
            yield

    def is_silent(self, org_id: UUID) -> bool:
        """Return whether the worker of an organisation is known not to answer; asks no one."""
        group, _ = self._groups.get(org_id, (None, 0.0))
        return group in self._by_group and self._by_group[group].is_silent

    def _of(self, org_id: UUID) -> WorkerBreaker:
        group, asked_at = self._groups.get(org_id, (None, 0.0))
        if group is None or time.monotonic() - asked_at > _KNOWN_SECONDS:
            group = _group_of(org_id)
            if len(self._groups) >= _MOST_KNOWN:
                self._groups.clear()
            self._groups[org_id] = group, time.monotonic()
        return self._by_group.setdefault(group, WorkerBreaker(max(1, settings.DATABASE_POOL_SIZE // 2)))


def _group_of(org_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [str(org_id)])
        row: Any = cursor.fetchone()
    return int(row[0]) if row else -1


def _is_about_worker(error: DatabaseError) -> bool:
    """Return whether a statement, or what stands behind the error that was made of its own, failed by the worker."""
    return is_worker_away(error) or is_worker_away(error.__cause__)


breakers = WorkerBreakers()
