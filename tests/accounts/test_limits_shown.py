"""What machines are refused by a limit stands where their owner looks: no one reads a machine's 429."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import refused
from accounts.models import Org, OrgUsage, User
from accounts.quotas import limits_named, usage
from accounts.refused import note_refused
from deployments.models import GitHubIntegration
from logs.ingest.large_bodies import large_bodies
from logs.models import IngestRefusal
from logs.quotas import IngestMeter
from pulseops.core.tally import WRITE_SECONDS, Tally
from pulseops.pages.banners import banners_for
from services.models import Service
from tests.deployments.github import make_integration
from tests.fuzz.machines import seeds, signed
from tests.support.factories import make_key, make_org, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]


@pytest.fixture
def service(org: Org) -> Service:
    return make_service(org, "checkout")


@pytest.fixture
def key(service: Service) -> str:
    return make_key(service.environments.get(name="production"), scopes=["logs", "deployments"])


def ingest(key: str, message: str = "hello") -> Any:
    body = {"logs": [{"message": message}]}
    return Client().post("/api/v1/logs/ingest", body, "application/json", headers={"x-api-key": key})


def push(key: str, message: str = "hello") -> Any:
    body = {"streams": [{"stream": {}, "values": [[str(int(timezone.now().timestamp() * 10**9)), message]]}]}
    return Client().post("/loki/api/v1/push", body, "application/json", headers={"x-api-key": key})


def report(key: str) -> Any:
    body = {"commit_sha": "a" * 40, "status": "success"}
    return Client().post("/api/v1/deployments", body, "application/json", headers={"x-api-key": key})


def refused_of(org: Org) -> dict[str, int]:
    return {each.quota.setting: each.refused for each in usage(org) if each.refused}


@pytest.mark.parametrize("send", [ingest, push])
@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("INGEST_RATE_PER_MINUTE", 1),
        ("INGEST_BYTES_PER_MINUTE", 150),
        ("QUOTA_LOGS_PER_DAY", 1),
        ("QUOTA_BYTES_PER_DAY", 9),
    ],
)
def test_refused_batches_stand_on_the_services_page_and_among_the_limits(
    client_for: Callable[[User], Client], admin: User, viewer: User, org: Org, service: Service, key: str,
    settings: Any, monkeypatch: pytest.MonkeyPatch, send: Any, setting: str, limit: int,
) -> None:  # fmt: skip
    setattr(settings, setting, limit)
    meter = IngestMeter()
    for module in ("pipeline", "commit"):
        monkeypatch.setattr(f"logs.ingest.{module}.ingest_meter", meter)
    answers = [send(key, "ten letters" * 5).status_code for _ in range(4)]
    assert answers[-1] == 429
    assert refused_of(org) == {setting: 1}, "the others are written together, some seconds later"
    page = client_for(viewer).get(f"/services/{service.pk}").content.decode()
    assert f"in a request above a limit ({setting})" in page
    caches["process"].clear()
    (banner,) = [each for each in banners_for(org) if "limit" in each.title]
    (quota,) = limits_named([setting])
    assert f"{limit:,} {quota.noun} {quota.period}" in banner.text
    rows = client_for(admin).get("/settings/diagnostics").text.split("<tr>")
    assert any(setting in row and 'class="problem">1<' in row for row in rows)
    other = make_org("Other")
    assert refused_of(other) == {}
    assert not [each for each in banners_for(other) if "limit" in each.title]


def test_reports_of_deployments(org: Org, key: str, settings: Any) -> None:
    settings.QUOTA_DEPLOYMENTS_PER_MINUTE = 1
    assert [report(key).status_code for _ in range(2)] == [201, 429]
    assert refused_of(org) == {"QUOTA_DEPLOYMENTS_PER_MINUTE": 1}


def test_deliveries_of_webhooks(org: Org, key: str, settings: Any) -> None:
    settings.QUOTA_WEBHOOKS_PER_MINUTE = 1
    integration: GitHubIntegration = make_integration(org, "shop")
    delivery = next(each for each in seeds(key, integration, "") if each.path == "/api/v1/github/webhook")
    answers = []
    for number in range(3):
        headers = {**signed(delivery, delivery.body), "x-github-delivery": f"d-{number}"}
        answers.append(Client().post(delivery.path, delivery.body, "application/json", headers=headers))
    assert [each.status_code for each in answers] == [200, 429, 429]
    assert answers[-1].json()["error"]["code"] == "RATE_LIMITED"
    assert int(answers[-1]["Retry-After"]) <= 60
    assert refused_of(org) == {"QUOTA_WEBHOOKS_PER_MINUTE": 1}


def test_large_bodies(org: Org, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.ingest.large_bodies.LARGE", 10)
    monkeypatch.setattr("logs.ingest.large_bodies.RETRY_AFTER", 0)
    taken = [large_bodies._places.acquire(blocking=False) for _ in range(2)]
    try:
        assert push(key).status_code == 503
    finally:
        for each in taken:
            if each:
                large_bodies._places.release()
    assert refused_of(org) == {"INGEST_LARGE_BODIES": 1}


def test_exports(client_for: Callable[[User], Client], viewer: User, org: Org, settings: Any) -> None:
    settings.QUOTA_EXPORTS_PER_DAY = 1
    client = client_for(viewer)
    assert [client.get("/logs/export").status_code for _ in range(2)] == [200, 429]
    assert refused_of(org) == {"QUOTA_EXPORTS_PER_DAY": 1}


def test_a_flood_is_written_seldom(org: Org, key: str, settings: Any) -> None:
    settings.INGEST_RATE_PER_MINUTE = 0
    ingest(key)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            ingest(key)
    assert not [each for each in queries if "org_usage" in each["sql"] or "ingest_refusals" in each["sql"]]
    assert IngestRefusal.objects.get().count == 1


def test_a_tally_adds_up_what_comes_meanwhile() -> None:
    now = 0.0
    tally = Tally(now=lambda: now)
    assert [tally.add("a"), tally.add("a"), tally.add("b"), tally.add("a")] == [1, 0, 1, 0]
    now += WRITE_SECONDS
    assert [tally.add("a"), tally.add("a"), tally.add("b")] == [3, 0, 1]
    for number in range(20_000):
        tally.add(number)
    assert len(tally._kept) <= 10_000


def test_it_is_forgotten(org: Org) -> None:
    note_refused(org.pk, "INGEST_RATE_PER_MINUTE")
    OrgUsage.objects.update(period=timezone.now() - refused.SHOWN - timedelta(hours=1))
    assert refused_of(org) == {}
    caches["process"].clear()
    assert not [each for each in banners_for(org) if "limit" in each.title]


def test_a_database_that_is_away_is_no_second_error(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    note_refused(make_org().pk, "x" * 10)
    monkeypatch.setattr(refused, "spend", lambda *_, **__: connection.cursor().execute("SELECT 1/0"))
    note_refused(org.pk, "INGEST_RATE_PER_MINUTE")
