"""How old evaluations are: for `/readyz`, on diagnostics, and as a banner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from alerts.evaluate import evaluate
from alerts.lag import lag_of, note_oldest_turn, oldest_lags
from alerts.models import AlertEvaluation, AlertRule
from pulseops.core.models import Heartbeat
from pulseops.core.web.health import EVALUATION, beat
from tests.support.alerting import make_rule
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db
OLD = timedelta(minutes=3)


def ready(client: Client) -> str:
    beat("worker")
    beat("loop")
    note_oldest_turn()
    return str(client.get("/readyz").json()["worker"])


def test_ready_says_when_an_organisation_waits(client: Client, org: Org) -> None:
    assert ready(client) == "ok"
    make_rule(org)
    evaluate()
    assert ready(client) == "ok"
    AlertEvaluation.objects.update(turn_at=timezone.now() - OLD)
    assert ready(client) == "evaluation late"
    AlertRule.objects.update(enabled=False)
    assert ready(client) == "ok"


def test_a_slow_organisation_makes_no_other_late(client: Client, org: Org) -> None:
    make_rule(org)
    AlertEvaluation.objects.create(org=org, turn_at=timezone.now() - OLD, seconds=2)
    assert ready(client) == "ok"


def test_one_that_never_had_a_turn_waits_since_its_rule_was_made(client: Client, org: Org) -> None:
    make_rule(org, created_at=timezone.now() - OLD)
    assert ready(client) == "evaluation late"


def test_lags(org: Org) -> None:
    assert lag_of(org) is None
    other = make_org("Other")
    make_rule(org)
    make_rule(other, problem="x")
    evaluate([org.pk])
    AlertEvaluation.objects.create(org=other, turn_at=timezone.now(), evaluated_at=timezone.now() - OLD)
    found = lag_of(org)
    assert found
    assert (found.rules, found.problems, found.is_late) == (1, 0, False)
    assert [(each.name, each.is_late, each.problems) for each in oldest_lags(5)] == [
        ("Other", True, 1),
        ("Acme", False, 0),
    ]


def test_users_who_can_act_see_it(org: Org, admin: User, viewer: User, client_for: Callable[[User], Client]) -> None:
    make_rule(org, name="Too slow", problem="Counting takes longer than 1 s.")
    evaluated = AlertEvaluation.objects.create(org=org, turn_at=timezone.now(), evaluated_at=timezone.now())
    page = client_for(admin).get("/alerts").content.decode()
    assert "An alert rule is not evaluated." in page
    assert "An alert rule is not evaluated." not in client_for(viewer).get("/incidents").content.decode()
    beat("worker")
    beat("loop")
    Heartbeat.objects.create(name=EVALUATION, beat_at=timezone.now() - OLD)
    assert "Alert rules are evaluated late." in client_for(admin).get("/alerts").content.decode()
    evaluated.evaluated_at = timezone.now() - OLD
    evaluated.save()
    page = client_for(admin).get("/settings/diagnostics").content.decode()
    assert "with a problem; the last turn took" in page
    admin.is_superuser = True
    admin.save()
    page = client_for(admin).get("/settings/diagnostics").content.decode()
    assert "Alert rules of all organisations" in page
