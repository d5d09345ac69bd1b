"""A service's page tells what it logs and takes; shortening its retention tells what would go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from logs.explorer.service_volume import volume_of
from services.models import Service
from tests.support.factories import make_log, make_service

pytestmark = pytest.mark.django_db
Page = Callable[[User], Client]


@pytest.fixture
def service(org: Org) -> Service:
    return make_service(org, "api", retention_days=30)


def test_the_last_day_by_environment(service: Service) -> None:
    for environment, count in (("production", 3), ("staging", 2)):
        for _ in range(count):
            make_log(service, environment=environment)
    make_log(service, ts=timezone.now() - timedelta(days=2))
    volume = volume_of(service)
    assert (volume.day, sorted(volume.by_environment.values())) == (5, [2, 3])
    assert volume.bytes_in_all == pytest.approx(5 * 30 * volume.bytes_a_log)
    assert volume.bytes_a_log > 0


def test_the_page_says_so(client_for: Page, viewer: User, service: Service) -> None:
    address = f"/services/{service.pk}"
    assert "Log volume" not in client_for(viewer).get(address).text
    for environment in ("production", "production", "staging"):
        make_log(service, environment=environment)
    page = client_for(viewer).get(address).text
    assert "<strong>3</strong> logs in the last 24 hours" in page
    assert "kept for 30 days" in page
    assert "production 2, staging 1" in page


def test_what_a_shorter_retention_deletes(client_for: Page, developer: User, service: Service) -> None:
    for days in (1, 10, 12):
        make_log(service, ts=timezone.now() - timedelta(days=days))
    values = {"name": "api", "description": "", "repo_url": "", "retention_days": "7"}
    page = client_for(developer).post(f"/services/{service.pk}/edit", values).text
    assert "2 logs by now." in page
    assert (
        "none by now."
        in client_for(developer).post(f"/services/{service.pk}/edit", {**values, "retention_days": "20"}).text
    )
