"""Rules that fire when nothing is received any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Org
from alerts.describe import in_words
from alerts.evaluate import evaluate
from alerts.models import AlertRule
from alerts.rule_types import rule_types
from deployments.models import Deployment
from incidents.evidence import Evidence
from incidents.models import Incident
from logs.models import LogEntry
from logs.storage.rollup import repair
from services.models import Environment
from tests.alerts.looking import MINUTE, NOON, TICK, look, told
from tests.alerts.test_backtest import live, replayed
from tests.support.alerting import make_channel, make_rule, unhurried
from tests.support.factories import make_org, make_service


def send(environment: Environment, at: datetime, message: str = "tick", count: int = 1) -> None:
    """Write logs of `at` that were received at once, and count them."""
    scope = {"org_id": environment.service.org_id, "service_id": environment.service_id, "environment": environment}
    LogEntry.objects.bulk_create(
        LogEntry(**scope, ts=at, created_at=at, level="info", message=message) for _ in range(count)
    )
    repair(org_id=environment.service.org_id)


def deploy(environment: Environment, status: str, since: datetime, until: datetime) -> None:
    Deployment.objects.create(
        org_id=environment.service.org_id, service=environment.service, environment=environment,
        commit_sha="c0ffee", status=status, status_changed_at=until, created_at=since,
    )  # fmt: skip


def silent_rule(org: Org, **fields: Any) -> AlertRule:
    return make_rule(org, **{"type": "no_data", "name": "Silent", "created_at": NOON - timedelta(days=3), **fields})


@unhurried
class SameHistory(TestCase):
    """Whatever came in, whatever was deployed: the backtest and the live evaluation tell the same story."""

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        arrivals=st.lists(st.tuples(st.integers(-400, 1200), st.integers(0, 1), st.booleans()), max_size=12),
        deployed=st.lists(
            st.tuples(st.integers(-300, 1100), st.integers(0, 300), st.sampled_from(["success", "failure", "pending"])),
            max_size=3,
        ),
        params=st.fixed_dictionaries(
            {
                "window_minutes": st.integers(1, 4),
                "for_minutes": st.sampled_from([0, 1, 2]),
                "recovery_minutes": st.sampled_from([0, 1, 2]),
                "query": st.sampled_from(["", "tick"]),
            }
        ),
        cooldown=st.sampled_from([0, 120, 600]),
    )
    def test_backtest_is_live(
        self, arrivals: list[Any], deployed: list[Any], params: dict[str, Any], cooldown: int
    ) -> None:
        org = make_org()
        environments = list(make_service(org).environments.order_by("pk"))
        for second, which, is_tick in arrivals:
            send(environments[which], NOON + timedelta(seconds=second), "tick" if is_tick else "other")
        for second, length, status in deployed:
            begun = NOON + timedelta(seconds=second)
            deploy(environments[0], status, begun, begun + timedelta(seconds=length))
        rule = silent_rule(org, params=params, cooldown_seconds=cooldown)
        assert replayed(rule, NOON, 41) == live(org, NOON, 41)


pytestmark = pytest.mark.django_db


@pytest.fixture
def production(org: Org) -> Environment:
    make_channel(org, "https://hooks.slack.com/services/x")
    return make_service(org, "api").environments.get(name="production")


def test_silence_opens_one_incident_that_ends_with_the_next_log(org: Org, production: Environment) -> None:
    rule = silent_rule(org)
    send(production, NOON - 30 * MINUTE, count=4)
    send(production, NOON - 5 * MINUTE + TICK)
    assert evaluate(now=NOON).opened == 0
    report = evaluate(now=NOON + TICK)
    assert report.triggered[0]["context"] == {"environmentId": str(production.pk), "count": 1, "windowMinutes": 5}
    evidence = Evidence.from_json(Incident.objects.get().evidence_json)
    assert evidence is not None
    assert evidence.words == (
        "No log was received for 5 min. The last came at 2026-03-01 11:55:30 UTC; there were 5 in the hour up to it."
    )
    assert len(evidence.samples) == 5
    look(10, NOON + MINUTE)
    assert (Incident.objects.get().detections, told()) == (1, ["created"])
    send(production, NOON + 7 * MINUTE)
    evaluate(now=NOON + 7 * MINUTE)
    assert told() == ["created", "resolved"]
    assert "No log received for 5 min" in in_words(rule)


def test_a_silence_lasts_longer_than_a_day(org: Org, production: Environment) -> None:
    silent_rule(org)
    send(production, NOON - 6 * MINUTE)
    look(1)
    look(2, NOON + timedelta(days=2))
    assert told() == ["created"]


def test_who_has_never_logged_or_not_for_a_day_is_not_expected_to(org: Org, production: Environment) -> None:
    silent_rule(org)
    silent_rule(org, params={"query": "tick"})
    send(production, NOON - timedelta(hours=25))
    assert [report.opened for report in look(2)] == [0, 0]


def test_a_new_rule_waits_for_its_window(org: Org, production: Environment) -> None:
    silent_rule(org, created_at=NOON)
    send(production, NOON - 60 * MINUTE)
    assert [report.opened for report in look(12)] == [0] * 10 + [1, 0]


def test_a_query_of_one_environment(org: Org, production: Environment) -> None:
    silent_rule(org, service=production.service, params={"query": "heartbeat"})
    send(production, NOON - 6 * MINUTE, "heartbeat")
    send(production, NOON, "other")
    assert evaluate(now=NOON).opened == 1
    assert Incident.objects.get().environment_id == production.pk


def test_muting_holds_it_back_and_must_hold_delays_it(org: Org, production: Environment) -> None:
    silent_rule(org, muted_until=NOON + MINUTE)
    silent_rule(org, params={"for_minutes": 2})
    send(production, NOON - 6 * MINUTE)
    assert [report.opened for report in look(5)] == [0, 0, 1, 0, 1]


@pytest.mark.parametrize("status", ["success", "failure", "pending"])
def test_a_deployment_delays_it(org: Org, production: Environment, status: str) -> None:
    silent_rule(org)
    send(production, NOON - 6 * MINUTE)
    deploy(production, status, NOON - 5 * MINUTE, NOON)
    assert [report.opened for report in look(10)] == [0] * 10
    assert evaluate(now=NOON + 5 * MINUTE).opened == (status != "pending")
    assert evaluate(now=NOON + 121 * MINUTE).opened == (status == "pending")


def test_a_deployment_does_not_end_a_silence_from_before_it(org: Org, production: Environment) -> None:
    silent_rule(org)
    send(production, NOON - 6 * MINUTE)
    look(1)
    deploy(production, "success", NOON, NOON + MINUTE)
    look(4, NOON + TICK)
    assert told() == ["created"]


def test_each_type_of_the_table_has_a_file() -> None:
    assert set(rule_types()) == set(AlertRule.Type.values)
