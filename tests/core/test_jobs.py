from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django_q.models import Schedule

from pulseops.core.jobs import registry as jobs
from pulseops.core.jobs.registry import RecordedJob, Result, recorded_job
from pulseops.core.models import CronRun
from pulseops.core.web.correlation import correlated


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, RecordedJob]:
    """A registry of the test's own."""
    own: dict[str, RecordedJob] = {}
    monkeypatch.setattr(jobs, "REGISTRY", own)
    return own


@pytest.mark.django_db
def test_success_is_recorded_with_result_and_duration() -> None:
    @recorded_job("add")
    def add(left: int, right: int) -> Result:
        return {"sum": left + right}

    with correlated("abc"):
        assert add(1, right=2) == {"sum": 3}
    run = CronRun.objects.get()
    assert (run.job_name, run.status) == ("add", "success")
    assert run.meta_json == {"result": {"sum": 3}, "correlation_id": "abc"}
    assert run.duration_ms is not None
    assert run.duration_ms >= 0


@pytest.mark.django_db
def test_failure_is_recorded_and_raised() -> None:
    @recorded_job("broken")
    def broken() -> Result:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        broken()
    run = CronRun.objects.get()
    assert run.status == "failure"
    assert run.meta_json is not None
    assert run.meta_json["error"] == "ValueError: no"


@pytest.mark.django_db(transaction=True)
def test_two_at_once_run_one() -> None:
    started, finish = threading.Event(), threading.Event()
    answers: list[Result | None] = []

    @recorded_job("slow")
    def slow() -> Result:
        started.set()
        finish.wait(60)
        return {"done": True}

    def first() -> None:
        answers.append(slow())
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    started.wait(60)
    assert slow() is None
    finish.set()
    thread.join(60)
    assert answers == [{"done": True}]
    assert CronRun.objects.count() == 1
    assert slow() == {"done": True}  # the lock was given back


@pytest.mark.django_db(transaction=True)
def test_jobs_that_take_turns_wait_for_one_another() -> None:
    started, finish = threading.Event(), threading.Event()
    order: list[str] = []

    @recorded_job("first", turn="store")
    def first() -> Result:
        started.set()
        finish.wait(60)
        order.append("first")
        return {}

    @recorded_job("second", turn="store")
    def second() -> Result:
        order.append("second")
        return {}

    def run_first() -> None:
        first()
        connection.close()

    thread = threading.Thread(target=run_first)
    thread.start()
    started.wait(60)
    threading.Timer(0.5, finish.set).start()
    second()
    thread.join(60)
    assert order == ["first", "second"]


@pytest.mark.django_db
def test_schedules_follow_the_registry(registry: dict[str, Any]) -> None:
    @recorded_job("often", every=timedelta(minutes=5))
    def often() -> Result:
        return {}

    jobs.ensure_schedules()
    schedule = Schedule.objects.get(name="job:often")
    assert (schedule.schedule_type, schedule.minutes) == (Schedule.MINUTES, 5)
    assert schedule.func == f"{__name__}.often"
    registry.clear()
    jobs.ensure_schedules()
    assert not Schedule.objects.filter(name="job:often").exists()


@pytest.mark.django_db
def test_a_schedule_keeps_its_next_run_when_set_again() -> None:
    jobs.ensure_schedules()
    before = Schedule.objects.get(name="heartbeat").next_run
    jobs.ensure_schedules()
    assert Schedule.objects.get(name="heartbeat").next_run == before


@pytest.mark.django_db
def test_migrate_sets_the_schedules() -> None:
    Schedule.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert Schedule.objects.filter(name="heartbeat").exists()
