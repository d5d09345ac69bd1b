"""One organisation's rules, however wrong, slow or many, are its own affair."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Org, User
from alerts.actions import change_rule
from alerts.evaluate import evaluate
from alerts.models import AlertEvaluation, AlertRule
from alerts.tally import tally as real
from incidents.models import Incident
from logs.reading import Matching
from logs.search.conditions import Condition
from services.models import Environment
from services.scopes import Scopes
from tests.alerts.looking import NOON, TICK
from tests.logs.test_search_hostile import ARABIC, SIX_PARTS
from tests.support.alerting import make_rule, receive
from tests.support.factories import make_org, make_service

pytestmark = pytest.mark.django_db
SLOW = "pg_sleep(1) IS NOT NULL"


@pytest.fixture
def production(org: Org) -> Environment:
    return make_service(org, "api").environments.get(name="production")


@pytest.fixture
def hostile() -> Org:
    """An organisation beside it that has errors of its own, and is evaluated first."""
    hostile = make_org("Hostile")
    receive(make_service(hostile).environments.get(name="production"), 3, NOON)
    AlertEvaluation.objects.create(org=hostile, turn_at=NOON - timedelta(days=1))
    return hostile


@pytest.fixture
def conditions(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> dict[str, str]:
    """Conditions that stand for filters, by their text; the database itself refuses or ends them."""
    settings.ALERT_ORG_SECONDS = 0.4
    made: dict[str, str] = {"slow": SLOW}
    real = Matching.condition

    def condition(matching: Matching, scopes: Scopes) -> Condition:
        return Condition(made[matching.query]) if matching.query in made else real(matching, scopes)

    monkeypatch.setattr(Matching, "condition", condition)
    return made


def honest_opens(org: Org, production: Environment) -> bool:
    make_rule(org)
    receive(production, 3, NOON)
    evaluate(now=NOON)
    return Incident.objects.filter(org=org).count() == 1


@pytest.mark.parametrize("query", [f"x:{ARABIC}", SIX_PARTS], ids=["digit", "many comparisons"])
def test_the_poisoned_rules_of_the_review_stop_no_one(
    org: Org, production: Environment, hostile: Org, query: str
) -> None:
    """What the editor refuses now may stand in the database from before."""
    rule = make_rule(hostile, params={"query": query, "threshold": 1})
    assert honest_opens(org, production)
    rule.refresh_from_db()
    assert (rule.problem is None) == (query == f"x:{ARABIC}")


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("meta_json @@ '$.x == 1\u0663'::jsonpath", "syntax error"),
        ("1 / (length(message) - length(message)) = 1", "division by zero"),
        ("message::int = 1", "invalid input syntax"),
        ("no_such_column", "does not exist"),
        ("repeat(message, 1073741823) = ''", "too large"),
        (f"meta_json @@ '{' || '.join(['$.x == 1'] * 30_000)}'::jsonpath", "stack depth"),
    ],
)
def test_what_the_database_refuses_is_that_rules_problem_alone(
    org: Org,
    production: Environment,
    hostile: Org,
    conditions: dict[str, str],
    settings: LazySettings,
    condition: str,
    reason: str,
) -> None:
    settings.ALERT_ORG_SECONDS = 60  # a busy machine may take a second to read the longest
    conditions["bad"] = condition.replace("%", "%%")
    bad = make_rule(hostile, params={"query": "bad"})
    fine = make_rule(hostile, name="fine", params={"query": "boom"})
    assert honest_opens(org, production)
    bad.refresh_from_db()
    assert (bad.problem or "").startswith("The filter cannot be searched: ")
    assert reason in (bad.problem or "")
    assert Incident.objects.filter(rule_id=fine.pk).exists()
    conditions["bad"] = "TRUE"
    evaluate(now=NOON + TICK)
    bad.refresh_from_db()
    assert bad.problem is None


@pytest.mark.parametrize("error", [RuntimeError, RecursionError, MemoryError, DatabaseError, KeyError])
@pytest.mark.parametrize("place", ["alerts.evaluate.readable", "alerts.evaluate.tally", "alerts.evaluate.act"])
def test_no_exception_crosses(
    org: Org, production: Environment, hostile: Org, monkeypatch: pytest.MonkeyPatch, place: str, error: type[Exception]
) -> None:
    module, _, name = place.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    rule = make_rule(hostile)

    def of(given: Any) -> UUID | None:
        each = next(iter(given), None)
        return getattr(each, "org_id", None) or (
            each.rule.org_id if hasattr(each, "rule") else each and each.read.rule.org_id
        )

    def sometimes(given: Any, *args: Any, **kwargs: Any) -> Any:
        given = list(given)
        if of(given) == hostile.pk:
            raise error("no")
        return real(given, *args, **kwargs)

    monkeypatch.setattr(place, sometimes)
    make_rule(org)
    receive(production, 3, NOON)
    report = evaluate(now=NOON)
    assert (report.opened, list(report.failed)) == (1, [rule.pk])


def test_a_slow_rule_rests_longer_each_time_and_says_so(hostile: Org, conditions: dict[str, str]) -> None:
    slow = make_rule(hostile, name="slow", params={"query": "slow", "window_minutes": 60})
    quick = make_rule(hostile, name="quick", params={"query": "boom"})
    at, tried = NOON, []
    for _ in range(20):
        report = evaluate(now=at)
        if slow.pk in report.failed:
            tried.append((at - NOON) / TICK)
        assert quick.pk not in report.failed | report.skipped
        at += TICK
    assert tried == [0, 1, 2, 4, 8, 16]
    slow.refresh_from_db()
    assert "Counting takes longer than 0.2 s" in (slow.problem or "")
    assert slow.paused_until
    change_rule(actor=None, rule=slow, params_json={**slow.params_json, "query": "boom"})
    slow.refresh_from_db()
    assert (slow.problem, slow.overruns, slow.paused_until) == (None, 0, None)


def test_an_overrun_moves_only_its_own_rules(
    org: Org, production: Environment, hostile: Org, conditions: dict[str, str]
) -> None:
    conditions |= {f"slow {number}": SLOW for number in range(12)}
    for number in range(12):
        make_rule(hostile, name=str(number), params={"query": f"slow {number}", "window_minutes": 60})
    quick = make_rule(hostile, name="quick", params={"query": "boom", "window_minutes": 60})
    assert honest_opens(org, production)
    turn = AlertEvaluation.objects.get(org=hostile)
    assert turn.seconds < 2
    assert (turn.evaluated_at, turn.round_at) == (None, NOON)
    assert turn.next_rule is not None
    assert AlertEvaluation.objects.get(org=org).evaluated_at == NOON
    for number in range(1, 40):
        evaluate([hostile.pk], now=NOON + number * TICK)
        if Incident.objects.filter(rule_id=quick.pk).exists():
            break
    assert Incident.objects.filter(rule_id=quick.pk).exists()
    turn.refresh_from_db()
    assert AlertRule.objects.filter(overruns__gt=0).count() > 1


def test_who_waits_longest_has_the_first_turn(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    orgs = [make_org(str(number)) for number in range(4)]
    for number, org in enumerate(orgs):
        make_rule(org)
        if number:  # the first one never had a turn
            AlertEvaluation.objects.create(org=org, turn_at=NOON - number * TICK)
    seen: list[UUID] = []

    def tally(rules: Any, *args: Any) -> Any:
        seen.append(rules[0].rule.org_id)
        return real(rules, *args)

    monkeypatch.setattr("alerts.evaluate.tally", tally)
    evaluate(now=NOON)
    assert seen == [orgs[0].pk, orgs[3].pk, orgs[2].pk, orgs[1].pk]
    settings.ALERT_PASS_SECONDS = 0
    report = evaluate(now=NOON + TICK)
    assert report.unfinished == {org.pk for org in orgs}


def test_acting_is_cut_short_and_goes_on(hostile: Org, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty rules that fire at once are fifty incidents, but not in one go."""
    environment = Environment.objects.get(service__org=hostile, name="production")
    for number in range(5):
        make_rule(hostile, name=str(number), environment=environment)
    settings.ALERT_ORG_SECONDS = 0.000_001
    monkeypatch.setattr("pulseops.core.db.statement_timeout.LEAST_SECONDS", 5)
    for number in range(5):
        report = evaluate(now=NOON + number * timedelta(seconds=1))
        assert report.opened == 1
        assert bool(report.unfinished)
    assert Incident.objects.filter(org=hostile).count() == 5


def test_no_statement_names_two_organisations(org: Org, hostile: Org) -> None:
    for each in (org, hostile):
        make_rule(each, params={"query": "boom"})
        make_rule(each, params={"window_minutes": 7})
        make_rule(each, type="deployment_failure")
    with CaptureQueriesContext(connection) as captured:
        evaluate(now=NOON)
    counts = [
        each["sql"]
        for each in captured
        if re.search(r"count\(\*\).*\sFROM (logs|deployments)\b", each["sql"], re.DOTALL)
    ]
    assert len(counts) == 6
    for sql in counts:
        assert (org.pk.hex in sql) != (hostile.pk.hex in sql)


def test_the_editor_says_why_a_filter_is_refused(
    org: Org, production: Environment, admin: User, client_for: Callable[[User], Client], settings: LazySettings
) -> None:
    """The very requests of the review, and what its pages say of a rule that stands there from before."""
    client = client_for(admin)
    sent = {"name": "x", "type": "error_count", "level": "error", "threshold": "1", "window_minutes": "5",
            "cooldown_seconds": "300", "severity": "med", "enabled": "on"}  # fmt: skip
    assert client.post("/alerts/new", {**sent, "query": f"x:{ARABIC}"}).status_code == 302
    assert evaluate(now=NOON).failed == {}
    assert "more than 500 comparisons" in client.post("/alerts/new", {**sent, "query": SIX_PARTS}).content.decode()
    settings.LOG_QUERY_COMPARISONS = 1_000_000
    receive(production, 3, timezone.now() - timedelta(minutes=1))
    for path, values in (("/alerts/try", {}), ("/alerts/new", {"try": "24h"})):
        page = client.post(path, {**sent, "query": SIX_PARTS, **values})
        assert "The filter cannot be searched: stack depth limit exceeded" in page.content.decode()
    rule = make_rule(org, params={"query": SIX_PARTS})
    assert "The filter cannot be searched: stack" in client.get(f"/alerts/{rule.pk}").content.decode()
