from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.queries import annotated_org
from pulseops.core.db.compiled_rows import CompiledRows
from pulseops.core.jobs.runs import read_signs, signs
from pulseops.core.models import Heartbeat
from pulseops.core.web import health
from pulseops.core.web.draining import Draining
from pulseops.core.web.health import beat
from tests.support.factories import make_org


@pytest.mark.django_db
def test_health_answers_without_the_database(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = client.get("/api/health")
    assert response.status_code == 200
    assert response.json() == {"data": {"ok": True}}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/health", "/readyz"])
@pytest.mark.parametrize("host", ["10.1.2.3", "[fe80::1]:8000", "pulseops-web.internal", "", "?"])
def test_any_host_is_answered(client: Client, path: str, host: str) -> None:
    beat("worker")
    beat("loop")
    response = client.get(path, headers={"host": host})
    assert response.status_code == 200
    assert response.headers["Cache-Control"].startswith("max-age=0")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/health", "/readyz"])
def test_only_reading_is_allowed(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_ready_with_worker_and_loop(client: Client) -> None:
    beat("worker")
    beat("loop")
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"database": "ok", "migrations": "ok", "worker": "ok"}


@pytest.mark.django_db
def test_not_ready_without_a_worker(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["worker"] == "silent"


@pytest.mark.django_db
def test_not_ready_with_a_silent_loop(client: Client) -> None:
    beat("worker")
    Heartbeat.objects.create(name="loop", beat_at=timezone.now() - timedelta(seconds=121))
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["worker"] == "loop silent"


@pytest.mark.django_db
def test_being_asked_again_is_cheap_and_still_true(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").json()["migrations"] == "ok"
    with monkeypatch.context() as patch, django_assert_num_queries(2):
        patch.delattr(health, "MigrationExecutor")  # no graph is made
        assert client.get("/readyz").json()["migrations"] == "ok"
    MigrationRecorder.Migration.objects.filter(app="alerts").last().delete()
    assert client.get("/readyz").json()["migrations"] == "1 pending"
    MigrationRecorder.Migration.objects.filter(app="alerts").delete()
    assert int(client.get("/readyz").json()["migrations"].split()[0]) > 1


@pytest.mark.django_db
def test_worker_is_silent_after_two_minutes(client: Client) -> None:
    def word() -> str:
        return str(client.get("/readyz").json()["worker"])

    assert word() == "silent"
    beat("loop")
    Heartbeat.objects.create(name="worker", beat_at=timezone.now() - timedelta(seconds=110))
    assert word() == "ok"
    Heartbeat.objects.filter(name="worker").update(beat_at=timezone.now() - timedelta(seconds=121))
    assert word() == "silent"


@pytest.mark.django_db
def test_a_machine_whose_clock_is_wrong_is_not_a_dead_worker(client: Client) -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=10)):
        beat("worker")
        beat("loop")
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        org = CompiledRows(lambda: annotated_org(signs=signs([]))).get(org_id=make_org("Acme").pk)
        heartbeats, *_ = read_signs(org.signs)
        assert heartbeats.silence("worker") < timedelta(minutes=1)
        assert client.get("/readyz").json()["worker"] == "ok"


@pytest.mark.django_db
def test_what_a_load_balancer_asks_leaves_the_worker_out(client: Client) -> None:
    response = client.get("/readyz?part=web")
    assert response.status_code == 200
    assert response.json() == {"database": "ok", "migrations": "ok"}
    assert client.get("/readyz?part=all").status_code == 503


@pytest.mark.django_db
def test_a_server_that_is_about_to_stop_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    draining = Draining()
    monkeypatch.setattr(health, "draining", draining)
    assert client.get("/readyz?part=web").status_code == 200
    draining.begin()
    response = client.get("/readyz?part=web")
    assert response.status_code == 503
    assert response.json()["web"] == "draining"
    assert client.get("/api/health").status_code == 200
