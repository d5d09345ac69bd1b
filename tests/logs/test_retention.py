"""Logs go when their service no longer keeps them, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Org
from logs.models import LogEntry
from logs.storage import retention
from logs.tasks import delete_expired_logs
from tests.support.alerting import receive
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db


def test_each_service_has_its_own_time(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    now = timezone.now()
    week = make_service(org, retention_days=7).environments.get(name="production")
    year = make_service(org, retention_days=365).environments.get(name="production")
    for environment in (week, year):
        receive(environment, 10, now - timedelta(days=8), message="old")
        receive(environment, 10, now - timedelta(days=6), message="new")
    assert delete_expired_logs() == {"deleted": 10, "dropped": []}
    kept = LogEntry.objects.filter(message__startswith="old")
    assert set(kept.values_list("environment_id", flat=True)) == {year.pk}
    assert LogEntry.objects.count() == 30
