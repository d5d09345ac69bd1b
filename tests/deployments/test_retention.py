"""Deliveries are kept for 30 days; deployments for as long, and as many, as the settings say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Org
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from deployments.tasks import trim_deployments, trim_webhook_deliveries
from pulseops.core.jobs.registry import REGISTRY
from pulseops.core.models import CronRun
from services.models import Environment
from tests.deployments.github import deliver, payload
from tests.support.factories import make_service


@pytest.mark.django_db
def test_old_deliveries_go_in_batches(integration: GitHubIntegration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.tasks._BATCH", 2)
    for number in range(6):
        deliver(integration, "push", payload("push"), delivery_id=f"d-{number}")
    old, young = timezone.now() - timedelta(days=31), timezone.now() - timedelta(days=29)
    five = [f"d-{number}" for number in range(5)]
    WebhookEffect.objects.update(received_at=young)
    WebhookDelivery.objects.update(created_at=young)
    WebhookEffect.objects.filter(delivery_id__in=five).update(received_at=old)
    WebhookDelivery.objects.filter(delivery_id__in=five).update(created_at=old)

    assert trim_webhook_deliveries() == {"webhook_effects": 5, "webhook_deliveries": 5}
    assert WebhookEffect.objects.get().delivery_id == WebhookDelivery.objects.get().delivery_id == "d-5"
    assert Deployment.objects.count() == 1
    assert CronRun.objects.get(job_name="trim_webhook_deliveries").status == "success"


def test_it_is_scheduled() -> None:
    assert REGISTRY["trim_webhook_deliveries"].every == timedelta(hours=6)


def deployed(environment: Environment, *days_ago: int) -> None:
    now = timezone.now()
    Deployment.objects.bulk_create(
        Deployment(
            org=environment.service.org,
            service=environment.service,
            environment=environment,
            commit_sha=f"{days:040x}",
            status="success",
            created_at=now - timedelta(days=days),
        )
        for days in days_ago
    )


def kept(environment: Environment) -> list[int]:
    rows = Deployment.objects.filter(environment=environment).order_by("-created_at")
    return [int(sha, 16) for sha in rows.values_list("commit_sha", flat=True)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("most", "days", "stay"),
    [(100, 30, [1, 2, 3, 40, 41]), (100, 300, [1, 2, 3, 40, 41, 42]), (2, 300, [1, 2]), (4, 300, [1, 2, 3, 40])],
)
def test_old_deployments_go(
    org: Org, settings: Settings, monkeypatch: pytest.MonkeyPatch, most: int, days: int, stay: list[int]
) -> None:
    monkeypatch.setattr("deployments.tasks._BATCH", 2)
    monkeypatch.setattr("deployments.tasks._STAY", len(stay) if 41 in stay else 1)
    settings.DEPLOYMENTS_PER_ORG, settings.DEPLOYMENT_RETENTION_DAYS = most, days
    environment, other = make_service(org).environments.order_by("pk")
    deployed(other, 500)
    deployed(environment, 1, 2, 3, 40, 41, 42)
    trim_deployments()
    assert kept(environment) == stay
    assert kept(other) == [500]
