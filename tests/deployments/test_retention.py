"""Deliveries are kept for 30 days; deployments stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from deployments.tasks import trim_webhook_deliveries
from pulseops.core.jobs.registry import REGISTRY
from pulseops.core.models import CronRun
from tests.deployments.github import deliver, payload


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
