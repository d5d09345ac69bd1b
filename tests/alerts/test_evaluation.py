"""Rules over real rows: what is counted, what fires, what is told, and that nothing of it happens twice."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from accounts.models import Org, User
from alerts.evaluation import Report, evaluate
from alerts.models import AlertFiring, AlertPending, AlertRule
from deployments.models import Deployment
from incidents.actions import investigate_incident, reopen_incident, resolve_incident
from incidents.evidence import Evidence
from incidents.models import Incident
from notifications.models import Job
from services.models import Environment
from tests.alerting import make_channel, make_rule, receive
from tests.factories import make_org, make_service

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def production(org: Org) -> Environment:
    make_channel(org, "https://hooks.slack.com/services/x")
    return make_service(org, "api").environments.get(name="production")


def told(**about: Any) -> list[str]:
    jobs = Job.objects.filter(**about).order_by("created_at", "id")
    return [kind.removeprefix("incident.") for kind in jobs.values_list("type", flat=True)]


def look(ticks: int, start: datetime = NOON) -> list[Report]:
    """Evaluate so many times, 30 s apart."""
    return [evaluate(now=start + number * TICK) for number in range(ticks)]


def test_enough_errors_open_an_incident_with_its_proof(org: Org, production: Environment) -> None:
    rule = make_rule(org, name="Many errors")
    receive(production, 7, NOON)
    deployment = Deployment.objects.create(
        org=org, service=production.service, environment=production, commit_sha="abcdef123", commit_message="Break it",
        status="success", status_changed_at=NOON - 10 * MINUTE,
    )  # fmt: skip
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


def test_disabled_and_muted_rules_do_not_fire(org: Org, production: Environment) -> None:
    make_rule(org, enabled=False)
    muted = make_rule(org, muted_until=NOON + MINUTE)
    receive(production, 3, NOON)
    assert [report.opened for report in look(4)] == [0, 0, 1, 0]
    assert Incident.objects.get().rule_id == muted.pk


def test_it_must_hold_before_it_fires(org: Org, production: Environment) -> None:
    make_rule(org, params={"for_minutes": 2, "window_minutes": 1})
    for number in range(6):
        receive(production, 3, NOON + number * TICK)
    assert [report.opened for report in look(3)] == [0, 0, 0]
    assert AlertPending.objects.count() == 1
    assert [report.opened for report in look(2, NOON + 3 * TICK)] == [0, 1]
    assert AlertPending.objects.count() == 0


def test_pending_is_forgotten_when_it_clears(org: Org, production: Environment) -> None:
    make_rule(org, params={"for_minutes": 10, "window_minutes": 1})
    receive(production, 3, NOON)
    evaluate(now=NOON)
    evaluate(now=NOON + 2 * MINUTE)
    assert AlertPending.objects.count() == 0


def test_a_new_firing_within_the_cooldown_reopens(org: Org, production: Environment) -> None:
    make_rule(org, cooldown_seconds=600, params={"window_minutes": 1})
    for minute in (0, 5, 30):
        receive(production, 3, NOON + minute * MINUTE)
        look(4, NOON + minute * MINUTE)
    assert Incident.objects.count() == 2
    assert told() == ["created", "resolved", "reopened", "resolved", "created", "resolved"]
    assert Incident.objects.order_by("id")[0].detections >= 2


def test_what_somebody_investigates_is_not_resolved_but_noted(
    org: Org, production: Environment, developer: User
) -> None:
    make_rule(org, params={"window_minutes": 1, "recovery_minutes": 1})
    receive(production, 3, NOON)
    evaluate(now=NOON)
    incident = Incident.objects.get()
    investigate_incident(actor=developer, incident=incident)
    look(10, NOON + MINUTE)
    incident.refresh_from_db()
    assert incident.status == "investigating"
    assert [each.message for each in incident.events.filter(type="note")] == [
        "The condition has been clear for 1 min. It stays open, because somebody is investigating."
    ]
    assert told() == ["created", "investigating"]


def test_what_somebody_resolved_is_left_alone_for_the_cooldown(
    org: Org, production: Environment, developer: User
) -> None:
    rule = make_rule(org, cooldown_seconds=10**7)
    receive(production, 3, NOON)
    evaluate(now=NOON)
    incident = Incident.objects.get()
    resolve_incident(actor=developer, incident=incident)
    look(3, NOON + TICK)
    assert told() == ["created", "resolved"]
    AlertRule.objects.filter(pk=rule.pk).update(cooldown_seconds=0)
    Incident.objects.update(resolved_at=NOON)
    evaluate(now=NOON + 2 * MINUTE)
    assert told() == ["created", "resolved", "created"]


def test_what_somebody_reopened_stands_for_the_next_firing(org: Org, production: Environment, developer: User) -> None:
    make_rule(org, params={"window_minutes": 1}, cooldown_seconds=0)
    receive(production, 3, NOON)
    look(4)
    reopen_incident(actor=developer, incident=Incident.objects.get())
    receive(production, 3, NOON + 10 * MINUTE)
    evaluate(now=NOON + 10 * MINUTE)
    assert Incident.objects.count() == 1
    assert told() == ["created", "resolved", "reopened"]


def test_an_open_incident_of_older_software_stands_for_the_firing(org: Org, production: Environment) -> None:
    rule, scope = make_rule(org), {"org": org, "service": production.service, "environment": production}
    values = {"title": "Old", "severity": "high", "source": "alert", "rule_id": rule.pk, **scope}
    resolved = Incident.objects.create(status="resolved", fingerprint="error_count:x", **values)
    theirs = f"error_count:{production.service_id}:{production.pk}:5:3"
    old = Incident.objects.create(status="open", fingerprint=theirs, **values)
    receive(production, 7, NOON)
    evaluate(now=NOON)
    old.refresh_from_db()
    assert set(Incident.objects.all()) == {resolved, old}
    assert (old.fingerprint, old.detections) == (f"error_count:{production.service_id}:{production.pk}", 1)
    assert told() == []  # it was told of when it was opened
    evaluate(now=NOON + 10 * MINUTE)
    old.refresh_from_db()
    assert old.status == "resolved"


def test_a_deleted_service_ends_its_firings(org: Org, production: Environment) -> None:
    make_rule(org)
    receive(production, 3, NOON)
    evaluate(now=NOON)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM deployments")
        cursor.execute("DELETE FROM services WHERE id = %s", [production.service_id])
    assert AlertFiring.objects.count() == 0
    assert evaluate(now=NOON + TICK).failed == {}


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


def test_a_thousand_rules_take_as_many_queries_as_one(
    org: Org, production: Environment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_rule(org)
    make_rule(org, type="deployment_failure")
    with django_assert_num_queries(6):
        evaluate(now=NOON)
    for number in range(200):
        make_rule(make_org(), params={"window_minutes": 1 + number % 7})
    with django_assert_num_queries(6):
        evaluate(now=NOON)


class Histories(TestCase):
    """Over random histories of errors: never more messages than changes of state, and one incident at a time."""

    @settings(max_examples=12, deadline=None)
    @given(
        st.lists(st.integers(0, 4), min_size=5, max_size=40),
        st.sampled_from([0, 1, 3]),
        st.sampled_from([0, 1, 3]),
        st.sampled_from([0, 120, 600]),
    )
    def test_messages_are_transitions(self, counts: list[int], hold: int, recovery: int, cooldown: int) -> None:
        org = make_org()
        make_channel(org, "https://hooks.slack.com/services/x")
        environment = make_service(org).environments.get(name="production")
        params = {"window_minutes": 1, "for_minutes": hold, "recovery_minutes": recovery}
        make_rule(org, params=params, cooldown_seconds=cooldown)
        for number, count in enumerate(counts):
            receive(environment, count, NOON + number * TICK)
            evaluate(now=NOON + number * TICK)
            assert Incident.objects.filter(org=org).live().count() <= 1
        messages = told(org=org)
        for earlier, later in itertools.pairwise(messages):
            assert (earlier == "resolved") != (later == "resolved")
        assert messages.count("created") == Incident.objects.filter(org=org).count()


@pytest.mark.django_db(transaction=True)
def test_eight_evaluators_at_once_make_one_incident_each() -> None:
    org = make_org()
    make_channel(org, "https://hooks.slack.com/services/x")
    service = make_service(org, "api", environments=("a", "b", "c"))
    make_rule(org)
    for environment in service.environments.all():
        receive(environment, 3, NOON)
    go = threading.Barrier(8)
    reports: list[Report] = []

    def work() -> None:
        try:
            for tick in range(3):
                go.wait()
                reports.append(evaluate([org.pk], now=NOON + tick * TICK))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(reports) == 24
    assert [report.failed for report in reports if report.failed] == []
    assert Incident.objects.count() == AlertFiring.objects.count() == 3
    assert told() == ["created"] * 3
    assert set(Incident.objects.values_list("detections", flat=True)) == {3}
