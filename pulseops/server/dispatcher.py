"""The dispatcher: a process beside django-q2's worker that evaluates rules and delivers messages at once.

Why not django-q2 alone: its slots are shared with jobs that take minutes (retention, partitions), and while both are
taken no rule is evaluated and no message goes out. docs/alerts.md has the measurement. Nothing depends on this process
alone: the worker's schedules do the same every minute, and everything to be done stands in tables.

Six threads, each with one database connection: one listens, four evaluate rules (two in each lane of `agenda`, so that
slow rules of one organisation do not hold up another, nor rules that have just become slow), one delivers.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from alerts.evaluate import Report, evaluate
from alerts.lag import note_oldest_turn
from alerts.turns import turns
from incidents.escalate import escalate_due
from incidents.maintenance import announce_after_maintenance
from notifications.delivery import Deliverer
from notifications.outcomes import fail_abandoned
from pulseops.core.budget import TimeBudget
from pulseops.core.db.priority import lower_priority
from pulseops.core.db.statement_timeout import is_of_the_query
from pulseops.core.jobs.registry import record_success
from pulseops.core.jobs.wakeups import CHANNEL, DELIVER, EVALUATE
from pulseops.core.web.health import beat
from pulseops.server.agenda import EVERY, QUICK_SECONDS, Agenda
from pulseops.server.interpreter import share_interpreter

log = logging.getLogger(__name__)
POLL = 1.0  # seconds between two looks into the outbox when no one wakes us
BEAT = 15.0  # seconds between two heartbeats
_FIRST_BEAT = 1.0  # the same at the start, when rules have waited for us: `/readyz` is to hear when they do no more
_STOPPING = 15.0  # seconds for what is on its way when we are asked to stop


class Dispatcher:
    """Runs until `stop` is set; `run` returns when everything on its way has ended."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.deliver_now = threading.Event()
        self.agenda = Agenda()
        self.round: Round | None = None

    def run(self) -> None:
        """Listen on this thread, do the rest on five others."""
        share_interpreter()
        threads = [
            threading.Thread(target=self._guard, args=(work,), name=work.__name__.strip("_"))
            for work in (*[self._evaluate_quick] * 2, *[self._evaluate_slow] * 2, self._deliver)
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
                    self._tell(work.__name__, error)
                except Exception:
                    log.exception("the dispatcher stumbled", extra={"work": work.__name__})
                else:
                    continue
                connection.close()
                self.stop.wait(1)
        finally:
            connection.close()

    def _tell(self, work: str, error: Exception) -> None:
        """Say what failed: the database is only away when this thread cannot reach it."""
        if is_of_the_query(error) or connection.is_usable():
            log.error("the dispatcher stumbled over an error of the database", extra={"work": work}, exc_info=error)
        else:
            log.warning("the database is away; trying again", extra={"work": work, "error": str(error).strip()})

    def _listen(self) -> None:
        connection.ensure_connection()
        raw: Any = connection.connection
        raw.execute(f"LISTEN {CHANNEL}")
        self.deliver_now.set()  # what came while no one listened
        self.agenda.wake_all()
        began = beat_at = time.monotonic()
        while not self.stop.is_set():
            if (now := time.monotonic()) >= beat_at:
                beat("loop")  # its former name, which the table keeps
                note_oldest_turn()
                beat_at = now + (BEAT if now > began + BEAT else _FIRST_BEAT)
            for notice in raw.notifies(timeout=0.5, stop_after=1):
                self._wake(notice.payload)

    def _wake(self, payload: str) -> None:
        word, _, org_id = payload.partition(" ")
        if word == DELIVER:
            self.deliver_now.set()
        elif word == EVALUATE and org_id:
            self.agenda.wake(UUID(org_id))

    def _evaluate_quick(self) -> None:
        while not self.stop.is_set():
            if self.agenda.takes_round():
                self._begin_round()
            self._have_turn(is_slow=False)

    def _evaluate_slow(self) -> None:
        while not self.stop.is_set():
            self._have_turn(is_slow=True)

    def _begin_round(self) -> None:
        """Let every organisation with rules be due, those that wait longest first."""
        try:
            org_ids = [turn.org_id for turn in turns()]
            if self.round:
                self.round.end()
        except Exception:
            self.agenda.wake_all()  # as soon as it works again, not in half a minute
            raise
        self.round = Round(org_ids)
        self.agenda.plan(org_ids)
        if not org_ids:
            self.round.end()

    def _have_turn(self, *, is_slow: bool) -> None:
        org_id = self.agenda.take(0.5, is_slow=is_slow)
        if org_id is None:
            return
        budget = TimeBudget(settings.ALERT_ORG_SECONDS if is_slow else min(QUICK_SECONDS, settings.ALERT_ORG_SECONDS))
        is_unfinished = False
        try:
            if is_slow:
                connection.ensure_connection()
                lower_priority(connection)
            report = evaluate([org_id], seconds=budget.seconds, is_trial=not is_slow)
            is_unfinished = org_id in report.unfinished
            if self.round:
                self.round.add(org_id, report)
        except Exception:
            self.agenda.wake_all()
            raise
        finally:
            self.agenda.done(org_id, budget.used, is_slow=is_slow, is_unfinished=is_unfinished)

    def _deliver(self) -> None:
        deliverer = Deliverer()
        swept_at = 0.0
        try:
            while not self.stop.is_set():
                if time.monotonic() >= swept_at:
                    fail_abandoned()
                    announce_after_maintenance()
                    escalate_due()
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


class Round:
    """One evaluation of all rules, which ends when each organisation has had its turn; it leaves a `cron_runs` row."""

    def __init__(self, org_ids: Collection[UUID]) -> None:
        self._waiting = set(org_ids)
        self._lock = threading.Lock()
        self._report = Report()
        self._clock = TimeBudget(EVERY)
        self._is_recorded = False

    def add(self, org_id: UUID, report: Report) -> None:
        """Add what came of an organisation's turn."""
        with self._lock:
            if self._is_recorded or org_id not in self._waiting:
                return
            self._report.add(report)
            self._waiting.discard(org_id)
            is_last = not self._waiting
        if is_last:
            self.end()

    def end(self) -> None:
        """Write it down, once, with how many organisations still wait."""
        with self._lock:
            if self._is_recorded:
                return
            self._is_recorded = True
            waiting = {"waiting": len(self._waiting)} if self._waiting else {}
        record_success("evaluate_alerts", self._clock.used, {**self._report.to_json(), **waiting})
