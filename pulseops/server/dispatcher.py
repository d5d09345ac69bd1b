"""The dispatcher: a process beside django-q2's worker that evaluates rules and delivers messages at once.

Why not django-q2 alone: its slots are shared with jobs that take minutes (retention, partitions), and while both are
taken no rule is evaluated and no message goes out. docs/alerts.md has the measurement. Nothing depends on this process
alone: the worker's schedules do the same every minute, and everything to be done stands in tables.

Three threads, each with one database connection: one listens, one evaluates rules, one delivers.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from django.db import DatabaseError, InterfaceError, connection

from alerts.evaluate import evaluate
from alerts.tasks import evaluate_alerts
from notifications.delivery import Deliverer
from notifications.outcomes import fail_abandoned
from pulseops.core.jobs.wakeups import CHANNEL, DELIVER, EVALUATE
from pulseops.core.web.health import beat

log = logging.getLogger(__name__)
EVERY = 30.0  # seconds between two evaluations of all rules
PAUSE = 2.0  # seconds between two evaluations of one organisation's rules
POLL = 1.0  # seconds between two looks into the outbox when nobody wakes us
BEAT = 15.0  # seconds between two heartbeats
_STOPPING = 15.0  # seconds for what is on its way when we are asked to stop


class Dispatcher:
    """Runs until `stop` is set; `run` returns when everything on its way has ended."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.deliver_now = threading.Event()
        self.agenda = Agenda()

    def run(self) -> None:
        """Listen on this thread, do the rest on two others."""
        threads = [
            threading.Thread(target=self._guard, args=(work,), name=work.__name__.strip("_"))
            for work in (self._evaluate, self._deliver)
        ]
        for thread in threads:
            thread.start()
        log.info("the dispatcher has started")
        self._guard(self._listen)
        self.deliver_now.set()
        self.agenda.wake_up()
        for thread in threads:
            thread.join()
        log.info("the dispatcher has stopped")

    def handle_signals(self) -> None:
        """Stop on SIGTERM and SIGINT; call it on the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())

    def _guard(self, work: Callable[[], None]) -> None:
        """Do `work` until we stop; whatever it raises is logged, and it begins again with a new connection."""
        try:
            while not self.stop.is_set():
                try:
                    work()
                except (DatabaseError, InterfaceError, psycopg.Error) as error:
                    log.warning("the database is away; trying again", extra={"error": str(error).strip()})
                except Exception:
                    log.exception("the loop stumbled")
                else:
                    continue
                connection.close()
                self.stop.wait(1)
        finally:
            connection.close()

    def _listen(self) -> None:
        connection.ensure_connection()
        raw: Any = connection.connection
        raw.execute(f"LISTEN {CHANNEL}")
        self.deliver_now.set()  # what came while nobody listened
        self.agenda.wake_all()
        beat_at = 0.0
        while not self.stop.is_set():
            if time.monotonic() >= beat_at:
                beat("loop")  # its former name, which the table keeps
                beat_at = time.monotonic() + BEAT
            for notice in raw.notifies(timeout=0.5, stop_after=1):
                self._wake(notice.payload)

    def _wake(self, payload: str) -> None:
        word, _, org_id = payload.partition(" ")
        if word == DELIVER:
            self.deliver_now.set()
        elif word == EVALUATE and org_id:
            self.agenda.wake(UUID(org_id))

    def _evaluate(self) -> None:
        while not self.stop.is_set():
            orgs, is_full = self.agenda.next(timeout=0.5)
            try:
                if is_full:
                    evaluate_alerts()
                elif orgs:
                    evaluate(orgs)
            except Exception:
                self.agenda.wake_all()  # as soon as it works again, not in half a minute
                raise

    def _deliver(self) -> None:
        deliverer = Deliverer()
        swept_at = 0.0
        try:
            while not self.stop.is_set():
                if time.monotonic() >= swept_at:
                    fail_abandoned()
                    swept_at = time.monotonic() + EVERY
                self.deliver_now.clear()
                if deliverer.step() is None:
                    self._rest(deliverer)
            deliverer.drain(_STOPPING)
        finally:
            deliverer.close()

    def _rest(self, deliverer: Deliverer) -> None:
        if deliverer.in_flight:
            deliverer.wait(0.1)
        else:
            self.deliver_now.wait(POLL)


class Agenda:
    """When which rules are to be looked at. All of them every 30 s; an organisation's when it is woken, at most every
    two seconds, and once more two seconds later, for what came in between.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[UUID, tuple[float, bool]] = {}  # when, and whether once more after that
        self._seen: dict[UUID, float] = {}
        self._full_at = clock()

    def wake(self, org_id: UUID) -> None:
        """Look at an organisation's rules as soon as its last look is two seconds ago."""
        with self._changed:
            at = max(self._clock(), self._seen.get(org_id, -PAUSE) + PAUSE)
            planned = self._due.get(org_id)
            self._due[org_id] = (min(at, planned[0]) if planned else at, True)
            self._changed.notify()

    def wake_all(self) -> None:
        """Look at all rules now."""
        with self._changed:
            self._full_at = self._clock()
            self._changed.notify()

    def wake_up(self) -> None:
        """Let whoever waits look again, to see that we stop."""
        with self._changed:
            self._changed.notify()

    def next(self, timeout: float) -> tuple[list[UUID], bool]:
        """Return the organisations that are due, or True for all; neither after `timeout` seconds."""
        with self._changed:
            now = self._clock()
            first = min([self._full_at, *(at for at, _ in self._due.values())])
            if first > now:
                self._changed.wait(min(timeout, first - now))
                now = self._clock()
            if self._full_at <= now:
                self._full_at = now + EVERY
                self._plan_again(list(self._due), now)
                return [], True
            due = [org_id for org_id, (at, _) in self._due.items() if at <= now]
            self._plan_again(due, now)
            return due, False

    def _plan_again(self, org_ids: list[UUID], now: float) -> None:
        for org_id in org_ids:
            _, once_more = self._due.pop(org_id)
            self._seen[org_id] = now
            if once_more:
                self._due[org_id] = (now + PAUSE, False)
        if len(self._seen) > 10_000:
            self._seen = {org: at for org, at in self._seen.items() if at > now - PAUSE}
