"""Rows for the tests of notifications, incidents and alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.test import override_settings

from accounts.models import Org
from alerts.models import AlertRule
from deployments.models import Deployment
from incidents.actions import open_incident
from incidents.models import Incident
from logs.models import LogEntry
from notifications.models import Channel, Job
from notifications.outbox import enqueue
from services.models import Environment
from tests.support.factories import make_service

# For tests of what is decided, however busy the machine is: a pass that is out of time leaves the rest to the next.
unhurried = override_settings(ALERT_ORG_SECONDS=600.0, ALERT_PASS_SECONDS=600.0)


def make_channel(org: Org, url: str, *, type: str = "slack", **fields: Any) -> Channel:  # noqa: A002
    return Channel.objects.create(org=org, type=type, config_json={"webhook_url": url}, **fields)


def tell(
    org: Org, title: str = "Errors in api", *, event: str = "incident.created", about: int | None = 1
) -> list[Job]:
    """Put a message for every channel of `org` into the outbox."""
    payload = {"title": title, "severity": "high", "scope": "api / production", "path": "/incidents/1"}
    return enqueue(org=org, event=event, payload=payload, subject_id=about)


def make_incident(
    org: Org, title: str = "Checkout fails", *, environment: Environment | None = None, **fields: Any
) -> Incident:
    environment = environment or make_service(org).environments.get(name="production")
    values = {"actor": None, "severity": "med", **fields}
    return open_incident(org=org, environment=environment, title=title, **values)


def make_rule(org: Org, *, type: str = AlertRule.Type.ERROR_COUNT, **fields: Any) -> AlertRule:  # noqa: A002
    """Make a rule; parameters that are not given are threshold 3 in 5 min, and no recovery time."""
    params = {"threshold": 3, "window_minutes": 5, "recovery_minutes": 0, **fields.pop("params", {})}
    if type == AlertRule.Type.DEPLOYMENT_FAILURE:
        params = {name: value for name, value in params.items() if name in {"for_minutes", "recovery_minutes"}}
    if type == AlertRule.Type.NO_DATA:
        params.pop("threshold")
    values = {"name": "Errors", "severity": "high", "params_json": params, **fields}
    return AlertRule.objects.create(org=org, type=type, **values)


def make_deployment(environment: Environment, *, minutes_before: int, now: datetime) -> Deployment:
    """Make a deployment that ended so many minutes before `now`."""
    at = now - timedelta(minutes=minutes_before)
    return Deployment.objects.create(
        org=environment.service.org, service=environment.service, environment=environment, commit_sha="abcdef123",
        commit_message="Break it", status="success", status_changed_at=at, created_at=at,
    )  # fmt: skip


def receive(environment: Environment, count: int, at: datetime, *, level: str = "error", message: str = "boom") -> None:
    """Write logs as if they had been received at `at`; their own time is a minute earlier."""
    LogEntry.objects.bulk_create(
        LogEntry(
            org_id=environment.service.org_id,
            service_id=environment.service_id,
            environment_id=environment.pk,
            ts=at - timedelta(minutes=1),
            created_at=at,
            level=level,
            message=f"{message} {number}",
        )
        for number in range(count)
    )
