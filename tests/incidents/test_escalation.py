"""Incidents that are not acknowledged are brought up again: each step once, never lost, and no longer than needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import AuditLog, Org, User
from incidents.actions import acknowledge_incident, reopen_incident, resolve_incident, snooze_incident
from incidents.escalate import escalate_due
from incidents.escalation import Policy, Step, Waiting, due_step
from incidents.escalation_actions import set_policy
from incidents.models import EscalationPolicy, Incident, IncidentEvent
from incidents.tasks import escalate_incidents
from notifications.models import Job
from notifications.replies import notice_of
from tests.support.alerting import make_channel, make_incident, make_rule
from tests.support.factories import make_org

ClientFor = Callable[[User], Client]
URL = "https://hooks.slack.com/services/T/B/x"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POLICY = Policy(10 * MINUTE, 2, ("a", "b"))


@pytest.mark.parametrize(
    ("waiting", "minutes", "step"),
    [
        (Waiting(True, START), 9, None),
        (Waiting(True, START), 10, Step(1, ())),
        (Waiting(False, START), 10, None),
        (Waiting(True, START, 1, START + 10 * MINUTE), 19, None),
        (Waiting(True, START, 1, START + 10 * MINUTE), 20, Step(2, ("a", "b"))),
        (Waiting(True, START, 1, START + 60 * MINUTE), 65, None),  # a late step is not followed by a burst
        (Waiting(True, START, 3, START + 30 * MINUTE), 999, None),
        (Waiting(True, START, snoozed_until=START + 30 * MINUTE), 29, None),
        (Waiting(True, START, snoozed_until=START + 30 * MINUTE), 39, None),
        (Waiting(True, START, snoozed_until=START + 30 * MINUTE), 40, Step(1, ())),
    ],
)
def test_which_step_is_due(waiting: Waiting, minutes: int, step: Step | None) -> None:
    assert due_step(POLICY, waiting, START + minutes * MINUTE) == step


@pytest.fixture
def clock() -> object:
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.mark.django_db
def test_a_reminder_then_further_channels_then_an_end(org: Org, clock: time_machine.Coordinates) -> None:
    make_channel(org, URL, name="#shop", routing_json={"severities": ["med"]})
    boss = make_channel(org, URL, name="#boss", routing_json={"severities": ["high"]})
    set_policy(actor=None, org=org, severity="med", rule_id=None, after=10, repeats=2, channels=[str(boss.pk)])
    incident = make_incident(org, severity="med")
    for _ in range(8):
        clock.shift(5 * MINUTE)
        escalate_due()
        assert escalate_due() == 0
    said = list(Job.objects.filter(type="incident.reminded").order_by("created_at", "channel__name"))
    assert [(job.channel.name, notice_of(job).text) for job in said if job.channel] == [
        ("#shop", "Not acknowledged for 10 min."),
        ("#boss", "Not acknowledged for 20 min."),
        ("#shop", "Not acknowledged for 20 min."),
        ("#boss", "Not acknowledged for 30 min."),
        ("#shop", "Not acknowledged for 30 min."),
    ]
    assert "Acknowledge" in [link.label for link in notice_of(said[0]).actions]
    words = [event.message for event in incident.events.filter(type="reminded").order_by("pk")]
    assert words[0] == "Reminder 1: not acknowledged for 10 min. Sent to #shop."
    assert words[1] == "Escalation 2: not acknowledged for 20 min. Sent to #shop, #boss."


@pytest.mark.django_db
def test_a_rules_policy_takes_the_place_of_its_severitys(org: Org, clock: time_machine.Coordinates) -> None:
    make_channel(org, URL)
    rule = make_rule(org)
    set_policy(actor=None, org=org, severity="high", rule_id=None, after=5, repeats=0, channels=[])
    set_policy(actor=None, org=org, severity=None, rule_id=rule.pk, after=30, repeats=0, channels=[])
    of_rule = make_incident(org, severity="high", rule_id=rule.pk, fingerprint="x", source="alert")
    manual = make_incident(org, severity="high")
    clock.shift(10 * MINUTE)
    assert escalate_incidents()["steps"] == 1
    assert [event.incident_id for event in IncidentEvent.objects.filter(type="reminded")] == [manual.pk]
    clock.shift(20 * MINUTE)
    escalate_due()
    assert of_rule.events.filter(type="reminded").count() == 1


@pytest.mark.django_db
def test_reopening_begins_anew(org: Org, clock: time_machine.Coordinates) -> None:
    set_policy(actor=None, org=org, severity="med", rule_id=None, after=10, repeats=0, channels=[])
    incident = make_incident(org)
    clock.shift(10 * MINUTE)
    assert escalate_due() == 1
    resolve_incident(actor=None, incident=incident)
    clock.shift(60 * MINUTE)
    reopen_incident(actor=None, incident=incident)
    assert escalate_due() == 0
    clock.shift(10 * MINUTE)
    assert escalate_due() == 1


@pytest.mark.django_db(transaction=True)
def test_who_is_killed_within_a_step_loses_and_repeats_nothing() -> None:
    org = make_org()
    make_channel(org, URL)
    set_policy(actor=None, org=org, severity="med", rule_id=None, after=10, repeats=0, channels=[])
    incident = make_incident(org)
    later = timezone.now() + 11 * MINUTE

    class KilledError(Exception):
        pass

    @transaction.atomic  # the server rolls back what a killed process had not committed
    def escalate_and_die() -> None:
        assert escalate_due(later) == 1
        raise KilledError

    with pytest.raises(KilledError):
        escalate_and_die()
    assert not Job.objects.filter(type="incident.reminded").exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT escalation_steps FROM incidents WHERE id = %s", [incident.pk])
        assert cursor.fetchone() == (0,)
    assert escalate_due(later) == 1
    assert escalate_due(later) == 0
    assert Job.objects.filter(type="incident.reminded").count() == 1


ACTS = st.sampled_from(["wait", "wait", "wait", "acknowledge", "resolve", "reopen", "snooze", "escalate twice"])


class Histories(TestCase):
    """Whatever is done in whatever order."""

    @settings(max_examples=25)
    @given(st.lists(ACTS, min_size=5, max_size=40), st.integers(1, 9), st.integers(0, 3))
    def test_messages_are_at_most_transitions_and_steps(self, acts: list[str], after: int, repeats: int) -> None:
        org = make_org()
        make_channel(org, URL, name="one")
        further = make_channel(org, URL, name="two", routing_json={"severities": ["high"]})
        set_policy(
            actor=None, org=org, severity="med", rule_id=None, after=after, repeats=repeats, channels=[str(further.pk)]
        )
        with time_machine.travel(START, tick=False) as clock:
            incident = make_incident(org)
            rounds = 1
            for act in acts:
                clock.shift(3 * MINUTE)
                incident.refresh_from_db()
                was_open = incident.status == Incident.Status.OPEN and not incident.is_snoozed
                before = Job.objects.filter(type="incident.reminded").count()
                escalate_due()
                if act == "escalate twice":
                    assert escalate_due() == 0
                if not was_open:
                    assert Job.objects.filter(type="incident.reminded").count() == before
                if act == "acknowledge" and incident.status == "open":
                    acknowledge_incident(actor=None, incident=incident)
                elif act == "resolve":
                    resolve_incident(actor=None, incident=incident)
                elif act == "reopen" and incident.status == "resolved":
                    reopen_incident(actor=None, incident=incident)
                    rounds += 1
                elif act == "snooze" and incident.is_live:
                    snooze_incident(actor=None, incident=incident, until=timezone.now() + 7 * MINUTE)
        events = IncidentEvent.objects.filter(incident=incident)
        steps = events.filter(type="reminded").count()
        transitions = events.filter(type__in=["created", "investigating", "resolved", "reopened"]).count()
        one, two = (Job.objects.filter(org=org, channel__name=name).count() for name in ("one", "two"))
        assert steps <= rounds * (repeats + 1)
        assert one <= transitions + steps
        assert two == Job.objects.filter(org=org, channel__name="two", type="incident.reminded").count() <= steps
        by_step = [event.meta_json["step"] for event in events.filter(type="reminded").order_by("pk")]
        assert all(later == earlier + 1 or later == 1 for earlier, later in pairwise(by_step))


@pytest.mark.django_db
def test_the_page_of_policies(org: Org, admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    channel = make_channel(org, URL, name="#boss")
    rule = make_rule(org, name="Errors")
    page = "/settings/escalation"
    values = {"target": "severity:high", "after_minutes": "5", "repeats": "2", "channels": [str(channel.pk)]}
    shown = client.post(page, values, follow=True).text
    assert "High severity" in shown
    assert "#boss" in shown
    client.post(page, {**values, "after_minutes": "7"})
    client.post(page, {"target": f"rule:{rule.pk}", "after_minutes": "1", "repeats": "0"})
    policies = EscalationPolicy.objects.for_org(org).order_by("after_minutes")
    assert [each.after_minutes for each in policies] == [1, 7]
    assert AuditLog.objects.for_org(org).filter(action="escalation.set").count() == 3
    for wrong in ({"target": "rule:999"}, {"after_minutes": "0"}, {"repeats": "11"}, {"channels": ["x"]}):
        assert client.post(page, {**values, **wrong}).status_code == 422
    client.post(f"/alerts/{rule.pk}/delete")
    assert [each.after_minutes for each in policies.all()] == [7]
    client.post(f"{page}/{policies.get().pk}/delete")
    assert not policies.all().exists()


@pytest.mark.django_db
def test_policies_are_for_admins(developer: User, client_for: ClientFor) -> None:
    assert client_for(developer).get("/settings/escalation").status_code == 403


@pytest.mark.django_db
def test_snoozing_by_roles(org: Org, developer: User, admin: User, client_for: ClientFor) -> None:
    make_channel(org, URL)
    incident = make_incident(org)
    address = f"/incidents/{incident.pk}/snooze"
    page = client_for(developer).post(address, {"length": "4h"}, follow=True).text
    assert "The incident is snoozed." in page
    assert "Snoozed</dt>" in page
    incident.refresh_from_db()
    assert incident.is_snoozed
    assert "needs the role admin" in client_for(developer).post(address, {"length": "7d"}, follow=True).text
    client_for(admin).post(address, {"length": "7d"})
    incident.refresh_from_db()
    assert incident.snoozed_until
    assert incident.snoozed_until > timezone.now() + timedelta(days=6)
    resolve_incident(actor=None, incident=incident)
    reopen_incident(actor=None, incident=incident)
    assert not Job.objects.filter(type="incident.reopened").exists()
    client_for(developer).post(address, {"length": ""})
    incident.refresh_from_db()
    assert not incident.is_snoozed
    audited = AuditLog.objects.filter(action__contains="snoozed").order_by("pk").values_list("action", flat=True)
    assert list(audited) == ["incident.snoozed", "incident.snoozed", "incident.unsnoozed"]


@pytest.mark.django_db
def test_developers_mute_a_rule_for_a_day_at_most(
    org: Org, developer: User, admin: User, viewer: User, client_for: ClientFor
) -> None:
    rule = make_rule(org)
    address = f"/alerts/{rule.pk}/mute"
    assert client_for(viewer).post(address, {"length": "1h"}).status_code == 403
    client_for(developer).post(address, {"length": "24h"})
    rule.refresh_from_db()
    assert rule.muted_until
    until = rule.muted_until
    assert "needs the role admin" in client_for(developer).post(address, {"length": "7d"}, follow=True).text
    assert "7 days" not in client_for(developer).get(f"/alerts/{rule.pk}").text.partition("Mute for")[2][:800]
    rule.refresh_from_db()
    assert rule.muted_until == until
    client_for(admin).post(address, {"length": "7d"})
    rule.refresh_from_db()
    assert rule.muted_until > until + timedelta(days=5)
