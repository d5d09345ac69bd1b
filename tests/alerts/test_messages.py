"""The whole way on a clock of our own: whatever happens, no one hears more than what changed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import time_machine
from django.db.models import QuerySet
from django.test import override_settings
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alerts.evaluate import evaluate
from incidents.flapping import REOPENINGS
from incidents.models import IncidentEvent
from notifications.delivery import deliver_due
from notifications.models import Job
from tests.support import receivers
from tests.support.alerting import make_channel, make_rule, receive, unhurried
from tests.support.factories import make_org, make_service

TICK = timedelta(seconds=30)
TOLD = {"created", "reopened", "resolved"}


def flaps(events: QuerySet[IncidentEvent]) -> bool:
    """Return whether an incident was reopened so often that not all of it is said."""
    reopened = Counter(events.filter(type="reopened").values_list("incident_id", flat=True))
    return max(reopened.values(), default=0) >= REOPENINGS


@unhurried
class Histories(TestCase):
    """Errors come and go in two environments; after each half minute rules are looked at and messages go out."""

    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=20))
    def test_messages_are_at_most_transitions(self, history: list[tuple[int, int]]) -> None:
        org = make_org()
        places = list(make_service(org).environments.order_by("name"))
        make_rule(org, params={"window_minutes": 1}, cooldown_seconds=60)
        with receivers.receiver() as server, override_settings(OUTGOING_PRIVATE_HOSTS=["127.0.0.1"]):
            make_channel(org, server.url)
            with time_machine.travel(timezone.now(), tick=False) as clock:
                for counts in [*history, *[(0, 0)] * 6]:
                    for place, count in zip(places, counts, strict=True):
                        receive(place, count, timezone.now())
                    evaluate([org.pk], now=timezone.now())
                    deliver_due(5)
                    clock.shift(TICK)
        events = IncidentEvent.objects.filter(incident__org=org, type__in=TOLD)
        jobs = Job.objects.filter(org=org)
        sent, held = jobs.filter(status="sent"), jobs.filter(status="pending", held_until__isnull=False)
        assert sent.count() + held.count() == jobs.count() <= events.count()
        if not flaps(events):
            assert sent.count() == events.count()
        assert len(server.received) == sent.values("batch").distinct().count() <= events.count()

    def test_an_hour_of_trouble_is_two_messages(self) -> None:
        org = make_org()
        place = make_service(org).environments.get(name="production")
        make_rule(org, params={"window_minutes": 1})
        with receivers.receiver() as server, override_settings(OUTGOING_PRIVATE_HOSTS=["127.0.0.1"]):
            make_channel(org, server.url)
            with time_machine.travel(timezone.now(), tick=False) as clock:
                for tick in range(130):
                    receive(place, 3 if tick < 120 else 0, timezone.now())
                    evaluate([org.pk], now=timezone.now())
                    deliver_due(5)
                    clock.shift(TICK)
        said = [each.json["text"].split(":")[0] for each in server.received]
        assert said == ["Incident opened · high", "Resolved · high"]
