"""The backtest asks the evaluator itself: what it says would have happened is what happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Org
from alerts.backtest import PERIODS, backtest
from alerts.evaluate import evaluate
from alerts.models import AlertRule
from alerts.params import ParamsError
from deployments.models import Deployment
from incidents.models import Incident, IncidentEvent
from logs.reading import Matching
from logs.search.conditions import Condition
from services.models import Environment
from services.scopes import Scopes
from tests.support.alerting import make_channel, make_rule, receive, unhurried
from tests.support.factories import make_org, make_service

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
EVENTS = {"created": "fire", "reopened": "reopen", "resolved": "recover"}


def live(org: Org, start: datetime, ticks: int) -> list[tuple[datetime, Any, str]]:
    """Run the rules at so many moments; returns what happened as the backtest tells it."""
    happened = []
    seen: set[int] = set()
    for number in range(ticks):
        at = start + number * TICK
        evaluate([org.pk], now=at)
        events = IncidentEvent.objects.filter(incident__org=org).exclude(pk__in=seen).order_by("incident__environment")
        for event in events.select_related("incident"):
            seen.add(event.pk)
            happened.append((at, event.incident.environment_id, EVENTS[event.type]))
    return happened


def replayed(rule: AlertRule, start: datetime, ticks: int) -> list[tuple[datetime, Any, str]]:
    period = (ticks - 1) * TICK
    found = backtest(rule, period, now=start + period)
    return [(each.at, each.environment_id, str(each.outcome)) for each in found.happenings]


@unhurried
class SameData(TestCase):
    """Whatever came in, whatever the rule: the backtest and the live loop tell the same story."""

    @settings(max_examples=8, deadline=None)
    @given(
        arrivals=st.lists(st.tuples(st.integers(-240, 1200), st.integers(0, 1), st.integers(1, 5)), max_size=40),
        window=st.integers(1, 4),
        hold=st.sampled_from([0, 1, 2]),
        recovery=st.sampled_from([0, 1, 2]),
        cooldown=st.sampled_from([0, 120, 600]),
        threshold=st.integers(1, 6),
    )
    def test_backtest_is_live(
        self, arrivals: list[tuple[int, int, int]], window: int, hold: int, recovery: int, cooldown: int, threshold: int
    ) -> None:
        org = make_org()
        environments = list(make_service(org).environments.order_by("pk"))
        for second, which, count in arrivals:
            receive(environments[which], count, NOON + timedelta(seconds=second))
        params = {
            "window_minutes": window, "for_minutes": hold, "recovery_minutes": recovery, "threshold": threshold,
        }  # fmt: skip
        rule = make_rule(org, params=params, cooldown_seconds=cooldown)
        assert replayed(rule, NOON, 41) == live(org, NOON, 41)

    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.tuples(st.integers(1, 1100), st.sampled_from(["success", "failure", "pending"])), max_size=12))
    def test_deployments_too(self, ended: list[tuple[int, str]]) -> None:
        org = make_org()
        environment = make_service(org).environments.get(name="production")
        rule = make_rule(org, type="deployment_failure", created_at=NOON, cooldown_seconds=120)
        for second, status in sorted(set(ended)):
            Deployment.objects.create(
                org=org, service=environment.service, environment=environment, commit_sha="c0ffee",
                status=status, status_changed_at=NOON + timedelta(seconds=second),
            )  # fmt: skip
        assert replayed(rule, NOON, 41) == live(org, NOON, 41)


@pytest.fixture
def production(org: Org) -> Environment:
    return make_service(org, "api").environments.get(name="production")


@pytest.mark.django_db
def test_a_week_is_shown_in_numbers_and_a_curve(org: Org, production: Environment) -> None:
    for day in (1, 3):
        receive(production, 8, NOON - timedelta(days=day))
    unsaved = AlertRule(
        org=org, type="error_count", name="x", severity="low", params_json={"threshold": 8}, cooldown_seconds=300
    )
    found = backtest(unsaved, PERIODS["7d"], now=NOON)
    assert (found.fired, found.incidents, found.messages) == (2, 2, 4)
    assert max(found.peaks) == 8
    assert [episode.until is not None for episode in found.episodes] == [True, True]
    assert found.chart.threshold is not None
    assert len(found.chart.bands) == 2
    assert Incident.objects.count() == 0


@pytest.mark.django_db
def test_bad_parameters_are_reported(org: Org) -> None:
    rule = AlertRule(org=org, type="error_count", params_json={"window_minutes": "abc"}, cooldown_seconds=0)
    with pytest.raises(ParamsError, match="not a whole number"):
        backtest(rule, PERIODS["24h"])


@pytest.mark.django_db
def test_another_organisations_logs_are_not_counted(org: Org, production: Environment) -> None:
    receive(make_service(make_org(), "api").environments.get(name="production"), 9, NOON - MINUTE)
    assert backtest(make_rule(org), PERIODS["24h"], now=NOON).fired == 0


@pytest.mark.django_db
def test_filters_in_both(org: Org, production: Environment) -> None:
    make_channel(org, "https://hooks.slack.com/services/x")
    receive(production, 5, NOON, message="payment refused")
    receive(production, 5, NOON, message="100% of nothing")
    payments = make_rule(org, name="payments", params={"query": 'payment service:api -"of nothing"'})
    percent = make_rule(org, name="percent", params={"query": "100%", "threshold": 6})
    nothing = make_rule(org, name="nothing", params={"query": "env:staging OR path:/x"})
    receive(production, 1, NOON, level="warn", message="100%")
    report = evaluate(now=NOON)
    assert [each["name"] for each in report.triggered] == ["payments"]
    incident = Incident.objects.get()
    assert {line["message"] for line in incident.evidence_json["samples"]} == {  # type: ignore[index]
        f"payment refused {number}" for number in range(5)
    }
    period = timedelta(hours=1)
    assert [backtest(rule, period, now=NOON).fired for rule in (payments, percent, nothing)] == [1, 0, 0]


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["(", "level:loud", 'a "', "x OR"])
def test_a_filter_that_cannot_be_understood_is_a_bad_rule(org: Org, query: str) -> None:
    rule = make_rule(org, params={"query": query})
    report = evaluate(now=NOON)
    assert list(report.skipped) == [rule.pk]
    rule.refresh_from_db()
    assert (rule.problem or "").startswith("query: ")


@pytest.mark.django_db
def test_a_filter_that_takes_too_long_fails_alone(
    org: Org, production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its condition stands in for one that reads too much; the database itself ends it."""
    real = Matching.condition

    def slow(matching: Matching, scopes: Scopes) -> Condition:
        return Condition("pg_sleep(1) IS NOT NULL") if matching.query == "slow" else real(matching, scopes)

    monkeypatch.setattr(Matching, "condition", slow)
    receive(production, 5, NOON)
    bad = make_rule(org, name="slow", params={"query": "slow"})
    make_rule(org, name="quick", params={"query": "boom"})
    report = evaluate(now=NOON)
    assert [each["name"] for each in report.triggered] == ["quick"]
    assert report.failed == {bad.pk: "Counting took too long."}
