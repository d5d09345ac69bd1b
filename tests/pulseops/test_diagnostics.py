"""GET /settings/diagnostics: jobs, intake and errors for admins; the installation in full for superusers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Schedule

from accounts.models import Org, Role, User
from alerts.models import AlertRule
from notifications.models import Channel, Job
from pulseops.core.jobs.registry import REGISTRY, ensure_schedules
from pulseops.core.models import CronRun
from pulseops.core.web.health import beat
from pulseops.diagnostics.jobs import job_activity, job_reports
from pulseops.diagnostics.storage import predict, storage
from services.intake import intake
from services.models import ApiKey, RateBucket
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import make_key, make_member, make_org, make_service, make_user

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
PAGE = "/settings/diagnostics"
GIB = 1024**3


@pytest.fixture
def operator(org: Org) -> User:
    return make_member(org, Role.ADMIN, user=make_user("operator@example.com", is_superuser=True))


def html(client: Client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    return str(response.content.decode())


def send(org: Org, name: str, count: int, *, minutes_ago: int = 3) -> None:
    """Count `count` logs of a new service of this name."""
    service = make_service(org, name)
    make_key(service.environments.get(name="production"))
    window = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    RateBucket.objects.create(api_key=ApiKey.objects.get(service=service), window_start=window, count=count)


def fail_message(org: Org, error: str) -> None:
    channel = Channel.objects.create(org=org, type="slack", name="#ops", config_json={})
    Job.objects.create(
        org=org, channel=channel, type="incident.created", payload_json={}, status="failed", last_error=error
    )


@pytest.mark.parametrize("who", ["viewer", "developer"])
def test_only_admins(who: str, client_for: SignIn, request: pytest.FixtureRequest) -> None:
    assert client_for(request.getfixturevalue(who)).get(PAGE).status_code == 403


def test_only_get(admin: User, client_for: SignIn) -> None:
    assert client_for(admin).post(PAGE).status_code == 405


def test_an_admin_sees_whether_jobs_run_but_not_what_they_said(admin: User, client_for: SignIn) -> None:
    CronRun.objects.create(job_name="trim_cron_runs", status="failure", meta_json={"error": "ValueError: of a tenant"})
    page = html(client_for(admin))
    assert all(name in page for name in REGISTRY)
    assert "Failing" in page
    assert "of a tenant" not in page
    assert "Storage</h2>" not in page
    assert "PostgreSQL" not in page


def test_a_superuser_sees_it_in_full(operator: User, client_for: SignIn) -> None:
    CronRun.objects.create(job_name="trim_cron_runs", status="failure", meta_json={"error": "ValueError: of a tenant"})
    send(make_org("Strangers"), "theirs", 70)
    page = html(client_for(operator))
    assert "ValueError: of a tenant" in page
    assert "Strangers" in page
    assert "Storage</h2>" in page
    assert "PostgreSQL" in page


def test_errors_and_intake_are_the_organisations_own(org: Org, admin: User, client_for: SignIn) -> None:
    other = make_org("Strangers")
    for owner, name in ((org, "mine"), (other, "theirs")):
        send(owner, name, 41)
        fail_message(owner, f"404 {name}")
        AlertRule.objects.create(
            org=owner, name=f"{name} rule", type="error_count", severity="high", problem="No window is given."
        )
    page = html(client_for(admin))
    assert "404 mine" in page
    assert "Message “Incident opened” to #ops" in page
    assert "mine rule" in page
    assert "theirs" not in page
    assert "Strangers" not in page
    assert [each.day for each in intake(org, timezone.now())] == [41, 82]


def test_a_job_that_was_due_long_ago_is_late() -> None:
    ensure_schedules()
    name = "job:trim_cron_runs"
    Schedule.objects.filter(name__startswith="job:").update(next_run=timezone.now() + timedelta(minutes=5))
    Schedule.objects.filter(name=name).update(next_run=timezone.now() - timedelta(minutes=10))
    CronRun.objects.create(job_name="trim_cron_runs", status="success", duration_ms=4)
    reports = {each.job.name: each for each in job_reports(job_activity().runs)}
    late = reports.pop("trim_cron_runs")
    assert (late.state, late.label, late.lag >= timedelta(minutes=10)) == ("warning", "Late", True)
    assert {each.state for each in reports.values()} == {"waiting"}


def test_a_job_shows_its_newest_runs_and_counts_its_failures() -> None:
    now = timezone.now()
    Schedule.objects.update(next_run=now + timedelta(minutes=1))  # however long the tests have been running
    for hours in range(30):
        status = "failure" if hours in (2, 3, 26) else "success"
        CronRun.objects.create(
            job_name="trim_cron_runs", status=status, duration_ms=hours, created_at=now - timedelta(hours=hours)
        )
    report = next(each for each in job_reports(job_activity().runs) if each.job.name == "trim_cron_runs")
    assert [run.duration_ms for run in report.runs] == list(range(20))
    assert report.took == "0 ms"
    slow = replace(report, runs=[replace(report.runs[0], duration_ms=75_000)])
    assert (slow.took, replace(report, runs=()).took) == ("1 min 15 s", "")
    assert (report.failures, report.state) == (2, "ok")


def test_processes_are_not_running_until_they_are_heard(admin: User, client_for: SignIn) -> None:
    assert html(client_for(admin)).count("Not running") == 2
    beat("worker")
    beat("loop")
    assert html(client_for(admin)).count("Alive") == 2


def test_the_last_hour_has_a_bar_a_minute_and_leaves_out_the_running_one(org: Org) -> None:
    now = timezone.now()
    send(org, "a", 5, minutes_ago=0)
    send(org, "b", 7, minutes_ago=1)
    send(org, "c", 9, minutes_ago=61)
    found, _ = intake(org, now)
    assert (len(found.minutes), found.hour, found.last_minute, found.day) == (60, 7, 7, 21)


def test_storage_counts_every_partition_of_the_logs() -> None:
    found = storage([])
    assert found is not None
    assert found.partitions
    assert found.logs == sum(each.total for each in found.partitions) > 0
    assert found.database > found.logs
    assert found.forecast is None


def test_storage_that_someone_holds_is_not_waited_for(
    operator: User, client_for: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logs.storage.sizes._SECONDS", 0.05)
    client = client_for(operator)
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SET lock_timeout = '5s'; LOCK TABLE logs IN ACCESS EXCLUSIVE MODE")
        assert "It cannot be measured now" in html(client)


@pytest.mark.parametrize(
    ("free", "days"),
    [(None, None), (40 * GIB, None), (10 * GIB, 10.0)],
    ids=["disk elsewhere", "fits", "fills up"],
)
def test_the_forecast_knows_that_retention_takes_logs_away(free: int | None, days: float | None) -> None:
    # 2 GiB now, 1 GiB more a day, kept for 30 days.
    found = predict(size=2 * GIB, rows=2_000, day=1_000, kept=30_000, free=free)
    assert (found.daily, found.settles_at, found.days_left) == (GIB, 30 * GIB, days)


@pytest.mark.plain_database("counts statements, of which sizes on workers take some more")
def test_the_number_of_queries_does_not_grow(org: Org, operator: User, client_for: SignIn) -> None:
    client = client_for(operator)
    html(client)
    counts: list[int] = []
    for round_ in range(3):
        for number in range(round_ * 3):
            send(org, f"s{round_}{number}", 3)
            fail_message(org, "404")
            CronRun.objects.create(job_name="trim_cron_runs", status="success")
        with CaptureQueriesContext(connection) as captured:
            html(client)
        counts.append(len(captured))
    assert counts[1] == counts[2]
    assert counts[0] <= 19  # an operator's: quotas, ages of evaluations, secrets, and savepoints of the test


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_for_axe_and_nothing_too_wide(
    page: Any, live_server: Any, org: Org, operator: User, sign_in: Callable[[User], None], theme: str
) -> None:
    send(org, "a-service-with-a-name-that-is-far-too-long-for-the-column-it-stands-in", 12)
    fail_message(org, "404 " + "x" * 200)
    CronRun.objects.create(job_name="trim_cron_runs", status="failure", meta_json={"error": "E" * 300})
    sign_in(operator)
    page.context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
    page.goto(f"{live_server.url}{PAGE}")
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert_fits(page)
