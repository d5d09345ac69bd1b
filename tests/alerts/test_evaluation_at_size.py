"""Many rules, any history, several evaluators: nothing happens twice."""

from __future__ import annotations

import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Org
from alerts.evaluate import Report, evaluate
from alerts.models import AlertFiring
from incidents.models import Incident
from services.models import Environment
from tests.alerts.looking import NOON, TICK, told
from tests.support.alerting import make_channel, make_rule, receive, unhurried
from tests.support.factories import make_org, make_service
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(org: Org) -> Environment:
    make_channel(org, "https://hooks.slack.com/services/x")
    return make_service(org, "api").environments.get(name="production")


@pytest.mark.django_db(transaction=True)  # within one, each statement that is read beside others is a query
def test_rules_take_as_many_queries_as_one_and_organisations_a_few_each(org: Org, production: Environment) -> None:
    make_rule(org)
    make_rule(org, type="deployment_failure")
    one = queries_of_an_evaluation()
    for number in range(200):
        make_rule(org, params={"window_minutes": 1 + number % 7})
    assert queries_of_an_evaluation() == one
    for _ in range(20):
        make_rule(make_org())
    assert queries_of_an_evaluation() <= one + 20 * 8


def queries_of_an_evaluation() -> int:
    with CaptureQueriesContext(connection) as captured:
        evaluate(now=NOON)
    return len(captured)


@unhurried
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


@unhurried
@pytest.mark.django_db(transaction=True)
def test_eight_evaluators_at_once_make_one_incident_each() -> None:
    org = make_org()
    make_channel(org, "https://hooks.slack.com/services/x")
    service = make_service(org, "api", environments=("a", "b", "c"))
    make_rule(org)
    for environment in service.environments.all():
        receive(environment, 3, NOON)
    reports: list[Report] = []
    for now in (NOON, NOON + TICK, NOON + 2 * TICK):
        evaluators = [lambda now=now: reports.append(evaluate([org.pk], now=now))] * 8
        assert at_once(*evaluators) == [None] * 8
    assert len(reports) == 24
    assert [report.failed for report in reports if report.failed] == []
    assert Incident.objects.count() == AlertFiring.objects.count() == 3
    assert told() == ["created"] * 3
    assert set(Incident.objects.values_list("detections", flat=True)) == {3}
