"""Deleting an environment, service or organisation leaves no log and no count of it, also while batches arrive."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import AuditLog, Org
from logs.models import IngestReceipt, LogCount, LogEntry
from services.actions import delete_environment, delete_service
from services.models import ApiKey, Environment, Service
from tests.logs.conftest import URL
from tests.support.factories import make_key, make_service, make_user
from tests.support.waiting import wait_until


def fill(environment: Environment) -> str:
    """Send some logs to an environment; returns the key."""
    key = make_key(environment)
    assert send(key) == 200
    return key


def send(key: str) -> int:
    old = (timezone.now() - timedelta(days=5)).isoformat()  # lies in the DEFAULT partition
    logs = [{"message": str(uuid.uuid4())}, {"message": "old", "timestamp": old, "level": "error"}]
    headers = {"x-api-key": key, "idempotency-key": str(uuid.uuid4())}
    return int(Client().post(URL, {"logs": logs}, "application/json", headers=headers).status_code)


def left(**scope: object) -> list[int]:
    return [model._default_manager.filter(**scope).count() for model in (LogEntry, LogCount)]


@pytest.mark.django_db
def test_an_environment(org: Org) -> None:
    service = make_service(org, "api")
    for environment in service.environments.all():
        fill(environment)
    staging = service.environments.get(name="staging")
    Environment.objects.filter(pk=staging.pk).delete()
    assert left(environment=staging) == [0, 0]
    assert left(service=service) == [2, 2]


@pytest.mark.django_db
def test_a_service(org: Org) -> None:
    gone, kept = make_service(org, "gone"), make_service(org, "kept")
    for environment in Environment.objects.all():
        fill(environment)
    Service.objects.filter(pk=gone.pk).delete()
    assert left(service=gone) == [0, 0]
    assert left(service=kept) == [4, 4]


@pytest.mark.django_db
def test_an_organisation(org: Org) -> None:
    other = Org.objects.create(name="Other")
    for environment in (*make_service(org, "a").environments.all(), *make_service(other, "b").environments.all()):
        fill(environment)
    Org.objects.filter(pk=org.pk).delete()
    assert left(org=org) == [0, 0]
    assert left(org=other) == [4, 4]


@pytest.mark.django_db
def test_an_organisation_that_waits_to_be_removed_takes_no_logs(org: Org) -> None:
    key = fill(make_service(org, "api", environments=("production",)).environments.get())
    Org.objects.update(deleted_at=timezone.now())
    assert send(key) == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Environment, Service, Org])
def test_while_batches_arrive(model: type[Environment | Service | Org], org: Org) -> None:
    environment = make_service(org, "api", environments=("production",)).environments.get()
    key = fill(environment)
    answers: list[int] = []

    def keep_sending() -> None:
        try:
            while not answers or answers[-1] == 200:
                answers.append(send(key))
        finally:
            connection.close()

    senders = [threading.Thread(target=keep_sending) for _ in range(4)]
    for sender in senders:
        sender.start()
    wait_until(lambda: len(answers) > 20)
    target = {Environment: environment, Service: environment.service, Org: org}[model]
    model._default_manager.filter(pk=target.pk).delete()
    for sender in senders:
        sender.join()
    assert set(answers) == {200, 403}
    assert left() == [0, 0]
    assert not ApiKey.objects.exists()
    assert not IngestReceipt.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("delete", [delete_environment, delete_service])
def test_senders_that_overlap_do_not_starve_a_deletion(delete: Callable[..., None], org: Org) -> None:
    """A batch shares a lock on its key, and shared locks have no queue; so the keys end first, and no batch begins."""
    environment = make_service(org, "api", environments=("production",)).environments.get()
    key, actor = fill(environment), make_user()
    scope = {"environment": environment} if delete is delete_environment else {"service": environment.service}

    def run() -> None:
        try:
            delete(actor=actor, **scope)
        finally:
            connection.close()

    with psycopg.connect(**connection.get_connection_params()) as batch:
        batch.execute("SELECT FROM api_keys FOR KEY SHARE")
        deletion = threading.Thread(target=run)
        deletion.start()
        wait_until(ApiKey.objects.filter(revoked_at__isnull=False).exists)
        assert send(key) == 403
    deletion.join()
    assert left() == [0, 0]
    assert AuditLog.objects.get(action="api_key.revoked").meta_json["deleted_with"]
