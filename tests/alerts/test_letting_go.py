"""A rule that stops watching says so in its incidents, and notifies the channels once."""

from __future__ import annotations

import pytest

from accounts.models import Org, User
from alerts.actions import delete_rule, switch_rule
from alerts.evaluate import evaluate
from incidents.models import Incident
from notifications.models import Job
from tests.alerts.looking import MINUTE, NOON, told
from tests.support.alerting import make_channel, make_rule, receive
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("is_clearing", [False, True])
def test_a_rule_that_is_switched_off_and_deleted(org: Org, admin: User, is_clearing: bool) -> None:
    make_channel(org, "https://hooks.slack.com/services/x")
    rule = make_rule(org, params={"recovery_minutes": 10})
    receive(make_service(org, "api").environments.get(name="production"), 3, NOON)
    evaluate(now=NOON)
    if is_clearing:
        evaluate(now=NOON + 6 * MINUTE)
    switch_rule(actor=admin, rule=rule, enabled=False)
    words = "The rule was switched off. This incident is no longer resolved automatically."
    assert told() == ["created", "unwatched"]
    assert Job.objects.get(type="incident.unwatched").payload_json["text"] == words
    delete_rule(actor=admin, rule=rule)
    assert told() == ["created", "unwatched"]
    assert [each.message for each in Incident.objects.get().events.filter(type="note")] == [words]


def test_a_rule_that_is_deleted(org: Org, admin: User) -> None:
    make_channel(org, "https://hooks.slack.com/services/x")
    rule = make_rule(org)
    receive(make_service(org, "api").environments.get(name="production"), 3, NOON)
    evaluate(now=NOON)
    delete_rule(actor=admin, rule=rule)
    assert told() == ["created", "unwatched"]
    assert Incident.objects.get().status == "open"
