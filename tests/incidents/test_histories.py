"""Random histories of an incident, delivered for real: no message too many, none twice, none lost."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import time_machine
from django.test import override_settings
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from incidents.actions import (
    acknowledge_incident,
    add_note,
    change_severity,
    reopen_incident,
    resolve_incident,
    snooze_incident,
)
from incidents.escalate import escalate_due
from incidents.escalation_actions import set_policy
from incidents.flapping import REOPENINGS, WITHIN
from incidents.models import Incident, IncidentEvent
from notifications.delivery import deliver_due
from notifications.models import Job
from tests.support import receivers
from tests.support.alerting import make_channel, make_incident
from tests.support.factories import make_org

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ACTS = st.lists(
    st.sampled_from(["wait", "wait", "acknowledge", "resolve", "reopen", "flap", "snooze", "raise", "note", "break"]),
    min_size=4,
    max_size=14,
)
TOLD = ["created", "investigating", "resolved", "reopened", "escalated", "reminded"]


def act(word: str, incident: Incident, clock: time_machine.Coordinates) -> None:
    """Do what the word says if it may be done now."""
    incident.refresh_from_db()
    if word == "acknowledge" and incident.is_live:
        acknowledge_incident(actor=None, incident=incident)
    elif word == "resolve":
        resolve_incident(actor=None, incident=incident)
    elif word == "reopen":
        reopen_incident(actor=None, incident=incident)
    elif word == "flap":
        for _ in range(REOPENINGS):
            resolve_incident(actor=None, incident=incident)
            reopen_incident(actor=None, incident=incident)
            clock.shift(1)
    elif word == "snooze" and incident.is_live:
        snooze_incident(actor=None, incident=incident, until=timezone.now() + 7 * MINUTE)
    elif word == "raise":
        change_severity(actor=None, incident=incident, severity="high")
    elif word == "note":
        add_note(actor=None, incident=incident, text="told", is_sent=True)


@override_settings(OUTGOING_PRIVATE_HOSTS=["127.0.0.1"])
class Delivered(TestCase):
    """Whatever is done in whatever order, and however often the receiver fails in between."""

    @settings(max_examples=6)
    @given(ACTS)
    def test_no_message_too_many_none_twice_none_lost(self, acts: list[str]) -> None:
        org = make_org()
        with receivers.receiver() as server, time_machine.travel(START, tick=False) as clock:
            make_channel(org, f"{server.url}/one", name="one")
            two = make_channel(org, f"{server.url}/two", name="two", routing_json={"severities": ["low"]})
            for severity in ("med", "high"):
                values = {"severity": severity, "rule_id": None, "after": 4, "repeats": 2, "channels": [str(two.pk)]}
                set_policy(actor=None, org=org, **values)
            incident = make_incident(org)
            accepted: list[receivers.Received] = []
            for word in [*acts, *["wait"] * 12]:
                clock.shift(3 * MINUTE if word in acts else 10 * MINUTE)
                act(word, incident, clock)
                escalate_due()
                server.behaviour = receivers.answer(503 if word == "break" else 200)
                before = len(server.received)
                deliver_due(10)
                accepted += [] if word == "break" else server.received[before:]
        self.check(incident, accepted)

    def check(self, incident: Incident, accepted: list[receivers.Received]) -> None:
        """Hold what arrived against the timeline."""
        jobs = list(Job.objects.filter(subject_id=incident.pk).select_related("channel").order_by("created_at"))
        events = Counter(IncidentEvent.objects.filter(incident=incident).values_list("type", flat=True))
        assert {job.status for job in jobs} == {"sent"}
        names = Counter(each.headers["idempotency-key"] for each in accepted)
        assert set(names) == {str(job.batch) for job in jobs}  # each is in a message that arrived
        assert set(names.values()) == {1}
        told = sum(events[word] for word in TOLD) + events["note"]
        by_channel = Counter(each.path.rpartition("/")[2] for each in accepted)
        assert by_channel["one"] <= told
        assert by_channel["two"] <= events["reminded"]
        steps = Counter((job.channel_id, job.created_at) for job in jobs if job.type == "incident.reminded")
        assert set(steps.values()) <= {1}
        self.check_silence(incident, jobs)

    def check_silence(self, incident: Incident, jobs: list[Job]) -> None:
        """What is acknowledged or resolved is not brought up again, and what flaps says so once."""
        moves = IncidentEvent.objects.filter(incident=incident, type__in=TOLD[:4]).order_by("pk")
        history = list(moves.values_list("created_at", "type"))
        for job in jobs:
            if job.type == "incident.reminded":
                last = [word for at, word in history if at < job.created_at][-1]
                assert last in {"created", "reopened"}
        reopened = [at for at, word in history if word == "reopened"]
        for job in jobs:
            if job.type in {"incident.reopened", "incident.flapping"}:
                within = sum(job.created_at - WITHIN < at <= job.created_at for at in reopened)
                assert (job.type == "incident.flapping") == (within == REOPENINGS) or within > REOPENINGS
