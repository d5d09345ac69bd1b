"""Rules over real rows: what is counted, what fires, and what is told."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Org
from alerts.evaluate import evaluate
from alerts.models import AlertFiring, AlertRule
from incidents.evidence import Evidence
from incidents.models import Incident
from services.models import Environment
from tests.alerts.looking import MINUTE, NOON, TICK, look, told
from tests.support.alerting import make_channel, make_deployment, make_rule, receive
from tests.support.factories import make_org, make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(org: Org) -> Environment:
    make_channel(org, "https://hooks.slack.com/services/x")
    return make_service(org, "api").environments.get(name="production")


def test_enough_errors_open_an_incident_with_its_proof(org: Org, production: Environment) -> None:
    rule = make_rule(org, name="Many errors")
    receive(production, 7, NOON)
    deployment = make_deployment(production, minutes_before=10, now=NOON)
    report = evaluate(now=NOON)
    incident = Incident.objects.get()
    assert (incident.title, incident.severity, incident.source) == ("Many errors: api / production", "high", "alert")
    assert (incident.rule_id, incident.detections, incident.last_seen_at) == (rule.pk, 1, NOON)
    assert incident.fingerprint == f"error_count:{production.service_id}:{production.pk}"
    evidence = Evidence.from_json(incident.evidence_json)
    assert evidence is not None
    assert (evidence.count, evidence.threshold, evidence.window_minutes, len(evidence.samples)) == (7, 3, 5, 5)
    assert evidence.deployment is not None
    assert evidence.deployment.id == deployment.pk
    assert told() == ["created"]
    firing = AlertFiring.objects.get()
    assert (firing.fired_at, firing.resolved_at, firing.last_notified_at) == (NOON, None, NOON)
    assert report.to_json() == {
        "evaluated": 1,
        "triggeredCount": 1,
        "incidentsCreated": 1,
        "incidentsUpdated": 0,
        "triggeredRules": [
            {
                "ruleId": rule.pk,
                "name": "Many errors",
                "type": "error_count",
                "context": {
                    "environmentId": str(production.pk), "count": 7, "threshold": 3, "windowMinutes": 5,
                },
                "fingerprint": incident.fingerprint,
            }
        ],
    }  # fmt: skip


def test_an_hour_of_trouble_is_one_incident_and_two_messages(org: Org, production: Environment) -> None:
    make_rule(org)
    for minute in range(60):
        receive(production, 5, NOON + minute * MINUTE)
    look(150)
    incident = Incident.objects.get()
    assert (incident.status, told()) == ("resolved", ["created", "resolved"])
    assert incident.events.count() == 2
    assert incident.detections > 100
    assert incident.last_seen_at == NOON + timedelta(minutes=63, seconds=30)


def test_what_counts_is_when_it_was_received(org: Org, production: Environment) -> None:
    """The lines carry a time of a minute ago; one that comes a day late counts all the same."""
    make_rule(org, params={"window_minutes": 1})
    receive(production, 3, NOON - MINUTE)
    assert evaluate(now=NOON).opened == 0
    receive(production, 3, NOON - MINUTE + TICK)
    assert evaluate(now=NOON).opened == 1


def test_each_environment_is_on_its_own(org: Org, production: Environment) -> None:
    staging = production.service.environments.get(name="staging")
    other = make_service(org, "web").environments.get(name="production")
    make_rule(org)
    for environment in (production, staging, other):
        receive(environment, 3, NOON)
    assert evaluate(now=NOON).opened == 3
    assert set(Incident.objects.values_list("environment_id", flat=True)) == {production.pk, staging.pk, other.pk}
    receive(staging, 3, NOON + 5 * MINUTE)
    evaluate(now=NOON + 6 * MINUTE)
    assert list(Incident.objects.live().values_list("environment_id", flat=True)) == [staging.pk]


def test_a_scope_keeps_the_others_out(org: Org, production: Environment) -> None:
    staging = production.service.environments.get(name="staging")
    other = make_service(org, "web").environments.get(name="production")
    for environment in (production, staging, other):
        receive(environment, 3, NOON)
    receive(make_service(make_org(), "api").environments.get(name="production"), 9, NOON)
    one = make_rule(org, name="one", environment=production, service=production.service)
    make_rule(org, name="service", service=production.service)
    evaluate(now=NOON)
    seen = Counter(Incident.objects.values_list("rule_id", "environment__name", "service__name"))
    assert seen[(one.pk, "production", "api")] == 1
    assert sum(seen.values()) == 3


def test_levels(org: Org, production: Environment) -> None:
    make_rule(org, name="warn", params={"level": "warn"})
    make_rule(org, name="any", params={"level": "", "threshold": 5})
    make_rule(org, name="error")
    receive(production, 3, NOON, level="warn")
    receive(production, 2, NOON, level="info")
    evaluate(now=NOON)
    assert set(Incident.objects.values_list("title", flat=True)) == {"warn: api / production", "any: api / production"}


@pytest.mark.parametrize(
    "broken",
    [{"params_json": {"window_minutes": "abc"}}, {"params_json": []}, {"params_json": {"threshold": -3}}],
)
def test_a_bad_rule_is_skipped_shown_and_recorded_and_the_others_run(
    org: Org, production: Environment, broken: dict[str, Any]
) -> None:
    bad = make_rule(org)
    AlertRule.objects.filter(pk=bad.pk).update(**broken)
    make_rule(org)
    receive(production, 3, NOON)
    report = evaluate(now=NOON)
    assert (report.evaluated, report.opened, list(report.skipped)) == (1, 1, [bad.pk])
    bad.refresh_from_db()
    assert bad.problem
    AlertRule.objects.filter(pk=bad.pk).update(params_json={})
    evaluate(now=NOON + TICK)
    bad.refresh_from_db()
    assert bad.problem is None


def test_a_scope_that_does_not_fit_is_a_bad_rule(org: Org, production: Environment) -> None:
    other = make_service(org, "web")
    foreign = make_service(make_org(), "theirs")
    mixed = make_rule(org, service=other, environment=production)
    stolen = make_rule(org, service=foreign)
    receive(foreign.environments.get(name="production"), 9, NOON)
    receive(production, 9, NOON)
    report = evaluate(now=NOON)
    assert set(report.skipped) == {mixed.pk, stolen.pk}
    assert Incident.objects.count() == 0


def test_a_rule_that_fires_takes_few_statements(
    org: Org, production: Environment, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Each waits for its turn on a busy machine, twice, and an incident is to be known soon."""
    make_rule(org)
    receive(production, 3, NOON)
    evaluate(now=NOON - 10 * TICK)  # which writes what is written once
    with django_assert_max_num_queries(35):  # 23 outside of a test, whose transaction has savepoints of its own
        assert evaluate([org.pk], now=NOON).opened == 1


def test_trouble_with_one_rule_alone_leaves_nothing_of_it(
    org: Org, production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.firings.AlertFiring.objects.bulk_create", _fail)
    rule = make_rule(org)
    receive(production, 3, NOON)
    report = evaluate(now=NOON)
    assert (report.opened, list(report.failed)) == (0, [rule.pk])
    assert not Incident.objects.exists()
    assert told() == []


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("no")


def test_trouble_with_one_rule_is_not_the_others(
    org: Org, production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = open_of("alerts.firings")

    def sometimes(**values: Any) -> Any:
        if values["title"].startswith("cursed"):
            raise RuntimeError("no")
        return real(**values)

    monkeypatch.setattr("alerts.firings.open_incident", sometimes)
    cursed = make_rule(org, name="cursed")
    make_rule(org, name="fine")
    receive(production, 3, NOON)
    report = evaluate(now=NOON)
    assert (report.opened, list(report.failed)) == (1, [cursed.pk])
    assert told() == ["created"]


def open_of(module: str) -> Any:
    return __import__(module, fromlist=["open_incident"]).open_incident
