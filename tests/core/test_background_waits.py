"""The worker and the dispatcher wait for a lock for so long and no longer; what they were at is tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test import override_settings
from django_q.signals import pre_execute

from accounts.tasks import trim_usage
from logs.tasks import keep_log_partitions
from pulseops.core.db import answer_timeout
from pulseops.core.db.answer_timeout import work_in_background
from pulseops.core.models import CronRun
from pulseops.server.dispatcher import Dispatcher
from tests.support.threads import at_once

_LIMITS = """
SELECT current_setting('lock_timeout'), current_setting('statement_timeout'),
    current_setting('idle_in_transaction_session_timeout')
"""


@pytest.fixture
def background(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be a worker that is in a hurry; the tests' own connection is not."""
    connection.ensure_connection()
    monkeypatch.setattr(answer_timeout, "_in_background", threading.Event())
    with override_settings(DATABASE_JOB_LOCK_SECONDS=0.2, DATABASE_IDLE_SECONDS=7):
        answer_timeout._in_background.set()
        yield


def limits() -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute(_LIMITS)
        lock, statement, idle = cursor.fetchone()
    return lock, statement, idle


def elsewhere(act: Any) -> Any:
    """Do `act` on a new connection of this process; returns what it raised, or returned."""
    said: list[Any] = []
    (error,) = at_once(lambda: said.append(act()))
    return error or said[0]


def test_new_connections_are_bounded(background: None) -> None:
    assert elsewhere(limits) == ("200ms", "0", "7s")


def test_a_job_that_meets_a_lock_fails_and_says_so(background: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE org_usage IN ACCESS EXCLUSIVE MODE")
        assert elsewhere(trim_usage) is OperationalError
    run = CronRun.objects.get(job_name="trim_usage")
    assert run.status == CronRun.Status.FAILURE
    assert "lock timeout" in str(run.meta_json)
    assert elsewhere(trim_usage) == {"deleted": 0}


def test_what_moves_days_beside_senders_waits_longer(background: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    monkeypatch.setattr("logs.tasks.make_days_ahead", lambda _: said.append(limits()))
    monkeypatch.setattr("logs.tasks.move_strays", dict)

    def job_and_after() -> tuple[str, str, str]:
        keep_log_partitions()
        return limits()

    assert elsewhere(job_and_after) == ("200ms", "0", "7s")
    assert said == [("1h", "0", "7s")]


@pytest.mark.parametrize("is_told_late", [False, True])
def test_a_worker_says_that_it_is_one(background: None, monkeypatch: pytest.MonkeyPatch, *, is_told_late: bool) -> None:
    """Its processes are forked, or made anew: then the first task says so, whose connection may be open by then."""
    answer_timeout._in_background.clear()

    def task() -> tuple[str, str, str]:
        if is_told_late:
            assert limits()[0] == "0"
        pre_execute.send(sender="django_q", func=limits, task={"func": "pulseops.core.tasks.heartbeat"})
        return limits()

    assert elsewhere(task) == ("200ms", "0", "7s")


def test_the_dispatcher_says_that_it_is_one(background: None, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_timeout._in_background.clear()
    monkeypatch.setattr(Dispatcher, "run", lambda self: None)
    monkeypatch.setattr(Dispatcher, "handle_signals", lambda self: None)
    monkeypatch.setattr("pulseops.management.commands.dispatcher.end_with_supervisor", lambda: None)
    call_command("dispatcher")
    assert answer_timeout.is_background()


def test_a_command_waits_as_long_as_it_takes(background: None) -> None:
    answer_timeout._in_background.clear()
    assert elsewhere(limits) == ("0", "0", "0")
    work_in_background()
    assert limits()[0] == "200ms", "of the connection that it has"
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout; RESET idle_in_transaction_session_timeout")
    answer_timeout._bounded.discard(connection.connection)
