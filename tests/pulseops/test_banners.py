"""What is wrong with PulseOps itself is told on the pages of those who can act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Org, User
from notifications.models import Channel, Job
from pulseops.core.models import CronRun, Heartbeat
from pulseops.core.web.health import beat
from pulseops.pages import banners
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
PAGE = "/services"


@pytest.fixture(autouse=True)
def _working_worker(db: None) -> None:
    beat("worker")
    beat("loop")


def titles(client: Client, path: str = PAGE) -> str:
    return str(client.get(path).content.decode())


def failing_channel(org: Org, name: str = "#ops", **fields: Any) -> Channel:
    url = {"webhook_url": "https://hooks.slack.com/services/T0/B0/secret-part"}
    return Channel.objects.create(org=org, type="slack", name=name, config_json=url, **{"failures": 3, **fields})


def test_all_well_says_nothing(admin: User, client_for: SignIn) -> None:
    assert 'class="banner tone' not in titles(client_for(admin))


def test_a_dead_worker_after_two_minutes(admin: User, viewer: User, client_for: SignIn) -> None:
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=3))
    assert "The worker is not running." in titles(client_for(admin))
    assert "The worker is not running." not in titles(client_for(viewer))
    Heartbeat.objects.all().delete()
    assert "It never sent a heartbeat." in titles(client_for(admin))


def test_all_see_it_on_the_dashboard_and_those_who_can_act_once(admin: User, viewer: User, client_for: SignIn) -> None:
    Heartbeat.objects.all().delete()
    assert titles(client_for(viewer), "/dashboard").count("The worker is not running.") == 1
    assert titles(client_for(admin), "/dashboard").count("The worker is not running.") == 1


def test_a_job_fails_until_it_runs_well_again(admin: User, client_for: SignIn) -> None:
    CronRun.objects.create(job_name="trim_cron_runs", status="failure", meta_json={"error": "secret of another tenant"})
    html = titles(client_for(admin))
    assert "trim_cron_runs: the last run failed." in html
    assert "secret of another tenant" not in html
    CronRun.objects.create(job_name="trim_cron_runs", status="success")
    assert "trim_cron_runs" not in titles(client_for(admin))


def test_a_channel_that_cannot_be_reached(org: Org, admin: User, client_for: SignIn) -> None:
    channel = failing_channel(org)
    failing_channel(make_org("Others"), "#theirs")
    html = titles(client_for(admin))
    assert "#ops: notifications do not arrive there." in html
    assert "#theirs" not in html
    assert "secret-part" not in html
    Channel.objects.filter(pk=channel.pk).update(enabled=False)
    assert "#ops" not in titles(client_for(admin))


def test_one_failure_is_not_yet_trouble_but_a_message_given_up_is(org: Org, admin: User, client_for: SignIn) -> None:
    channel = failing_channel(org, failures=1)
    assert "#ops" not in titles(client_for(admin))
    Job.objects.create(org=org, channel=channel, type="incident.created", payload_json={}, status="failed")
    assert "#ops" in titles(client_for(admin))


def test_a_disk_that_is_nearly_full(
    admin: User, client_for: SignIn, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_URL, settings.DATA_DIR = "", tmp_path
    monkeypatch.setattr(banners, "DISK_LEAST_SHARE", 1.1)
    monkeypatch.setattr(banners, "DISK_LEAST_BYTES", 2**60)
    assert "The disk is nearly full." in titles(client_for(admin))
    settings.DATABASE_URL = "postgresql://elsewhere/db"
    assert "The disk is nearly full." not in titles(client_for(admin))


def test_one_query_and_none_while_they_are_fresh(org: Org, settings: Any) -> None:
    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "test-banners"}
    settings.CACHES = {**settings.CACHES, "process": local}
    caches["process"].clear()
    for expected in (1, 0):
        with CaptureQueriesContext(connection) as captured:
            banners.banners_for(org)
        assert len(captured) == expected


def test_a_dead_loop_is_reported_but_a_dead_worker_first(org: Org, admin: User, client_for: SignIn) -> None:
    client = client_for(admin)
    Heartbeat.objects.filter(name="loop").update(beat_at=timezone.now() - timedelta(minutes=3))
    caches["process"].clear()
    assert "The dispatcher is not running." in titles(client)
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=3))
    caches["process"].clear()
    page = titles(client)
    assert "The worker is not running." in page
    assert "The dispatcher is not running." not in page
