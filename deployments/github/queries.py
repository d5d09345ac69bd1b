"""What pages read of integrations and of what GitHub delivered; everything starts from one organisation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, TextField, Value
from django.db.models.functions import Concat, JSONObject
from django.utils.dateparse import parse_datetime

from accounts.models import Org
from deployments.github.signatures import needs_former_key
from deployments.models import GitHubIntegration, WebhookEffect
from deployments.queries import PAGE_LENGTH
from pulseops.core.web.keyset import Page, newest_first
from services.models import Service


def delivery_page(integration: GitHubIntegration, before: str) -> Page[WebhookEffect]:
    """Return PAGE_LENGTH lines of the integration's delivery log, newest first."""
    rows = integration.effects.select_related("deployment")
    return newest_first(rows, before, length=PAGE_LENGTH, column="received_at")


@dataclass(frozen=True, slots=True)
class LastDelivery:
    """What a service's page says of the newest delivery."""

    received_at: datetime | None
    event_type: str
    result: str


def integration_of(service: Service) -> tuple[GitHubIntegration | None, LastDelivery | None]:
    """Return a service's integration and what its newest delivery did; one query."""
    newest = WebhookEffect.objects.filter(integration=OuterRef("pk")).order_by("-received_at", "-id")
    rows = GitHubIntegration.objects.filter(service=service).annotate(
        last=newest.values(json=JSONObject(received_at="received_at", event_type="event_type", result="result"))[:1]
    )
    integration = rows.first()
    last = getattr(integration, "last", None)
    if last is None:
        return integration, None
    return integration, LastDelivery(parse_datetime(last["received_at"]), last["event_type"], last["result"])


def invalid_deliveries(org: Org, since: datetime) -> QuerySet[WebhookEffect, tuple[Any, ...]]:
    """Return (time, "delivery", name, reason) of what could not be understood since `since` (UTC); unionable."""
    rows = WebhookEffect.objects.for_org(org).filter(result=WebhookEffect.Result.INVALID, received_at__gte=since)
    name = Concat("event_type", Value(" "), "delivery_id", output_field=TextField())
    return rows.order_by("-received_at").values_list("received_at", Value("delivery"), name, "reason")


def integrations_of_former_keys() -> list[GitHubIntegration]:
    """Return, of all organisations, those whose secret was derived from a key of SECRET_KEY_FALLBACKS."""
    integrations = GitHubIntegration.objects.select_related("service__org").order_by("repo_owner", "repo_name")
    return [each for each in integrations if needs_former_key(each)]
