"""What has very many logs is emptied in short transactions before it is deleted."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.actions.orgs import delete_org
from accounts.models import Org, User
from accounts.tasks import purge_deleted_orgs
from logs.models import LogCount, LogEntry
from logs.storage import bulk_delete, rollup
from services.actions import delete_environment, delete_service
from services.models import Environment, Service
from tests.support.factories import make_service


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_delete, "BATCH", 50)


def fill(service: Service, logs: int = 120) -> None:
    """Give each environment of a service so many logs, ten a minute, and their counts."""
    now = timezone.now()
    LogEntry.objects.bulk_create(
        LogEntry(
            org=service.org, service=service, environment=environment, level="info", message="x",
            ts=now - timedelta(seconds=6 * number),
        )
        for environment in service.environments.all() for number in range(logs)
    )  # fmt: skip
    rollup.repair(org_id=service.org_id)


def left(**scope: object) -> tuple[int, int]:
    return LogEntry.objects.filter(**scope).count(), LogCount.objects.filter(**scope).count()


def transactions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


@pytest.fixture
def filled(transactional_db: None, admin: User, org: Org) -> Service:
    fill(make_service(org, "kept"))
    service = make_service(org, "gone")
    fill(service)
    return service


def test_a_service_goes_in_short_transactions(filled: Service, admin: User) -> None:
    before = transactions()
    delete_service(actor=admin, service=filled)
    assert transactions() - before > 240 // 60  # at least one for each batch, which has whole minutes
    assert left(service=filled) == (0, 0)
    assert left()[0] == 240


def test_an_environment_goes_alone(filled: Service, admin: User) -> None:
    staging = filled.environments.get(name="staging")
    delete_environment(actor=admin, environment=staging)
    assert left(environment=staging) == (0, 0)
    assert left(service=filled)[0] == 120


def test_what_is_small_goes_at_once(filled: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_delete, "BATCH", 10_000)
    assert bulk_delete.empty(filled)
    assert left(service=filled)[0] == 240  # the database will take them along


def test_it_stops_in_time_and_goes_on_where_it_stopped(filled: Service) -> None:
    seen = [left(service=filled)[0]]
    while not bulk_delete.empty(filled, until=time.monotonic()):
        seen.append(left(service=filled)[0])
        assert seen[-1] < seen[-2]
        (logs, counted) = LogEntry.objects.count(), sum(LogCount.objects.values_list("count", flat=True))
        assert logs == counted  # each transaction takes both
    assert len(seen) > 3
    assert seen[-1] <= 50


def test_an_organisation_is_purged_over_several_runs(
    filled: Service, admin: User, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_service(Org.objects.create(name="Other"), "theirs")
    fill(other)
    monkeypatch.setattr("accounts.tasks._PURGE_SECONDS", 0)
    delete_org(actor=admin, org=org)
    runs = [purge_deleted_orgs()]
    while runs[-1] != {"purged": [str(org.pk)]}:
        assert runs[-1] == {"purged": [], "goes_on_with": str(org.pk)}
        assert len(runs) < 30
        runs.append(purge_deleted_orgs())
    assert len(runs) > 3
    assert Org.objects.get(pk=org.pk).purged_at
    assert not Environment.objects.exclude(service=other).exists()
    assert left()[0] == left(service=other)[0] == 240
