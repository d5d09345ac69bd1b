"""Counts by minute, level and scope: made by ingest, merged, proved and repaired."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Org
from logs.models import LogCount, LogEntry
from logs.storage import rollup
from logs.storage.partitions import DAY
from logs.tasks import check_log_counts, keep_log_partitions, merge_log_counts
from services.models import Environment
from tests.logs.conftest import URL, Send
from tests.logs.counted_logs import as_counted, write
from tests.support.factories import make_key, make_service

NOW = timezone.now()
OLD = (NOW - timedelta(days=40)).replace(hour=12)


@pytest.fixture
def environment(org: Org) -> Environment:
    return make_service(org, "api", environments=("production",), retention_days=90).environments.get()


@pytest.mark.django_db
class TestCounts:
    def test_a_batch_is_counted_by_minute_and_level(self, send: Send) -> None:
        minute = (NOW - timedelta(hours=2)).replace(second=0, microsecond=0)
        sent = [
            (minute, "info"),
            (minute + timedelta(seconds=59.999999), "info"),
            (minute + timedelta(minutes=1), "debug"),
            (minute, "error"),
            (minute, "warn"),
        ]
        india = timezone.get_fixed_timezone(330)
        entries = [
            {"message": "a", "level": level, "timestamp": at.astimezone(india).isoformat()} for at, level in sent
        ]
        for _ in range(2):
            assert send(entries).status_code == 200
        assert send([*entries, {"message": "unusual", "x": 1}]).status_code == 200
        assert sorted(as_counted().values()) == [1, 3, 3, 3, 6]

    def test_merging_keeps_the_sums(self, send: Send) -> None:
        for _ in range(3):
            send([{"message": "a"}, {"message": "b", "level": "error"}])
        before = as_counted()
        assert LogCount.objects.count() == 6
        assert merge_log_counts() == {"from": 6, "to": len(before)}
        assert as_counted() == before
        assert merge_log_counts() == {"from": 0, "to": 0}
        send([{"message": "a"}])
        merge_log_counts()
        assert sum(as_counted().values()) == 7

    def test_the_check_puts_right_what_is_wrong(self, send: Send, environment: Environment) -> None:
        for _ in range(3):
            send([{"message": "a"}])
        assert check_log_counts()["wrong_minutes"] == 0  # type: ignore[index]
        LogCount.objects.update(count=7)
        LogCount.objects.create(
            org=environment.service.org, minute=OLD.replace(second=0, microsecond=0), level="info", count=3
        )
        keep_log_partitions()
        rollup.repair(NOW - timedelta(days=50), NOW + DAY)
        assert sum(as_counted().values()) == 3


@pytest.mark.django_db(transaction=True)
def test_counts_are_repaired_beside_senders() -> None:
    """Each statement sees another moment, as on a cluster each step does: what comes in between is not miscounted."""
    environment = make_service(Org.objects.create(name="Acme"), "api").environments.get(name="production")
    write(environment, NOW)
    LogEntry.objects.create(
        org=environment.service.org, service=environment.service, environment=environment, ts=NOW, level="info",
        message="by other means",
    )  # fmt: skip
    key, sent = make_key(environment), threading.Event()

    def send(execute: Any, sql: str, *arguments: Any) -> Any:
        """Store a batch of the same minute, by another session, before the minute that is wrong is written anew."""
        if "DELETE FROM log_counts" in sql and not sent.is_set():
            sent.set()
            sender = threading.Thread(target=send_one, args=[key, NOW])
            sender.start()
            sender.join()
        return execute(sql, *arguments)

    with connection.execute_wrapper(send):
        assert rollup.repair().wrong_minutes == 1
    assert sent.is_set()
    assert sum(as_counted().values()) == 3
    assert rollup.repair().wrong_minutes == 0


def send_one(key: str, at: datetime) -> None:
    body = {"logs": [{"message": "meanwhile", "timestamp": at.isoformat()}]}
    try:
        assert Client().post(URL, body, "application/json", headers={"x-api-key": key}).status_code == 200
    finally:
        connection.close()
