"""Rules that look at deployments."""

from __future__ import annotations

from datetime import datetime

import pytest

from accounts.models import Org
from alerts.evaluate import evaluate
from deployments.models import Deployment
from incidents.models import Incident
from services.models import Environment
from tests.alerts.looking import MINUTE, NOON, TICK, look, told
from tests.support.alerting import make_channel, make_rule
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(org: Org) -> Environment:
    make_channel(org, "https://hooks.slack.com/services/x")
    return make_service(org, "api").environments.get(name="production")


def deploy(environment: Environment, status: str, at: datetime) -> None:
    Deployment.objects.create(
        org_id=environment.service.org_id, service=environment.service, environment=environment,
        commit_sha="c0ffee", status=status, status_changed_at=at, created_at=at,
    )  # fmt: skip


def test_a_failed_deployment_fires_until_one_succeeds(org: Org, production: Environment) -> None:
    make_rule(org, type="deployment_failure", created_at=NOON - MINUTE)
    deploy(production, "success", NOON - 2 * MINUTE)
    assert evaluate(now=NOON).opened == 0
    deploy(production, "failure", NOON)
    evaluate(now=NOON + TICK)
    incident = Incident.objects.get()
    assert (incident.source, incident.detections) == ("deployment", 1)
    deploy(production, "failure", NOON + MINUTE)
    deploy(production, "pending", NOON + MINUTE)
    look(3, NOON + 2 * MINUTE)
    incident.refresh_from_db()
    assert (incident.detections, told()) == (2, ["created"])
    deploy(production, "success", NOON + 4 * MINUTE)
    evaluate(now=NOON + 5 * MINUTE)
    assert told() == ["created", "resolved"]


def test_failures_from_before_the_rule_are_no_news(org: Org, production: Environment) -> None:
    deploy(production, "failure", NOON - MINUTE)
    make_rule(org, type="deployment_failure", created_at=NOON)
    assert evaluate(now=NOON).opened == 0
