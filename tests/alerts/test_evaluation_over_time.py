"""Rules over real rows: what holds, clears, comes again, or is in someone's hands."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import Org, User
from alerts.evaluate import evaluate
from alerts.models import AlertFiring, AlertPending, AlertRule
from incidents.actions import acknowledge_incident, reopen_incident, resolve_incident
from incidents.models import Incident
from services.models import Environment
from tests.alerts.looking import MINUTE, NOON, TICK, look, told
from tests.support.alerting import make_channel, make_rule, receive
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(org: Org) -> Environment:
    make_channel(org, "https://hooks.slack.com/services/x")
    return make_service(org, "api").environments.get(name="production")


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


def test_an_acknowledged_incident_is_not_resolved_but_noted(org: Org, production: Environment, developer: User) -> None:
    make_rule(org, params={"window_minutes": 1, "recovery_minutes": 1})
    receive(production, 3, NOON)
    evaluate(now=NOON)
    incident = Incident.objects.get()
    acknowledge_incident(actor=developer, incident=incident)
    look(10, NOON + MINUTE)
    incident.refresh_from_db()
    assert incident.status == "investigating"
    assert [each.message for each in incident.events.filter(type="note")] == [
        "The condition has been clear for 1 min. It stays open, because it is acknowledged."
    ]
    assert told() == ["created", "investigating"]


def test_what_someone_resolved_is_left_alone_for_the_cooldown(
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


def test_what_someone_reopened_stands_for_the_next_firing(org: Org, production: Environment, developer: User) -> None:
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
