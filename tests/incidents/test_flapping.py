"""An incident that is reopened again and again sends one message that says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings

from accounts.models import Org
from incidents.actions import reopen_incident, resolve_incident
from notifications.delivery import deliver_due
from notifications.models import Job
from tests.support import receivers
from tests.support.alerting import make_channel, make_incident

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def loopback(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]


def test_one_message_says_that_it_flaps_and_one_that_it_stayed_resolved(org: Org) -> None:
    with receivers.receiver() as server, time_machine.travel(START, tick=False) as clock:
        make_channel(org, server.url)
        incident = make_incident(org)
        for _ in range(8):
            clock.shift(timedelta(minutes=3))
            resolve_incident(actor=None, incident=incident)
            deliver_due(5)
            clock.shift(timedelta(minutes=1))
            reopen_incident(actor=None, incident=incident)
            deliver_due(5)
        clock.shift(timedelta(minutes=3))
        resolve_incident(actor=None, incident=incident)
        deliver_due(5)
        assert Job.objects.filter(status="pending").count() == 1
        clock.shift(timedelta(minutes=10, seconds=1))
        deliver_due(5)
    said = list(Job.objects.order_by("created_at", "pk").values_list("type", flat=True))
    assert said == [
        "incident.created",
        "incident.resolved", "incident.reopened",
        "incident.resolved", "incident.reopened",
        "incident.resolved", "incident.flapping",
        "incident.resolved",
    ]  # fmt: skip
    assert set(Job.objects.values_list("status", flat=True)) == {"sent"}


def test_an_hour_later_it_is_sent_as_before(org: Org) -> None:
    make_channel(org, "https://hooks.slack.com/services/T/B/x")
    with time_machine.travel(START, tick=False) as clock:
        incident = make_incident(org)
        for minutes in (5, 5, 5, 90):
            clock.shift(timedelta(minutes=minutes))
            resolve_incident(actor=None, incident=incident)
            reopen_incident(actor=None, incident=incident)
    types = Job.objects.filter(type__in=["incident.reopened", "incident.flapping"]).order_by("created_at")
    assert [job.type.partition(".")[2] for job in types] == ["reopened", "reopened", "flapping", "reopened"]
