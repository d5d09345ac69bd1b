"""Which messages wait for others, and which go out together."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Org
from notifications import claims, outcomes
from notifications.delivery import Deliverer, deliver_due
from notifications.models import TEST_EVENT, Channel, Job
from notifications.outbox import enqueue_to
from tests.notifications.conftest import states
from tests.support import receivers
from tests.support.alerting import make_channel, tell
from tests.support.factories import make_org

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]


def test_several_incidents_within_30_seconds_are_one_digest(org: Org) -> None:
    with receivers.receiver() as server, time_machine.travel(timezone.now()) as clock:
        make_channel(org, server.url)
        tell(org, "first", about=1)
        deliver_due(5)
        for number in range(2, 27):
            tell(org, f"number {number}", about=number)
            clock.shift(1)
            deliver_due(5)
        assert len(server.received) == 1
        clock.shift(6)
        deliver_due(5)
        assert len(server.received) == 2
    digest = str(server.received[1].json)
    assert "25 updates on incidents" in digest
    assert "number 2" in digest
    assert "and 5 more" in digest
    assert {state[0] for state in states()} == {"sent"}


def test_a_test_message_waits_for_nothing(org: Org) -> None:
    with receivers.receiver() as server:
        channel = make_channel(org, server.url)
        tell(org)
        deliver_due(5)
        enqueue_to(channel, event=TEST_EVENT, payload={"title": "test"})
        tell(org, "waits")
        deliver_due(5)
        assert len(server.received) == 2
        assert "Test message" in server.received[1].json["text"]


def test_messages_about_one_incident_stay_in_order(org: Org) -> None:
    """The end is not told before the beginning, and another incident need not wait for either."""
    with receivers.receiver(receivers.answer(500)) as server, time_machine.travel(timezone.now()) as clock:
        make_channel(org, server.url)
        tell(org, "begins", about=1)
        deliver_due(5)
        server.behaviour = receivers.answer()
        tell(org, "ends", event="incident.resolved", about=1)
        clock.shift(31)
        deliver_due(5)
        assert len(server.received) == 1
        clock.shift(60)
        deliver_due(5)
        clock.shift(60)
        deliver_due(5)
    assert ["begins" in r.body.decode() for r in server.received] == [True, True, False]
    assert {state[0] for state in states()} == {"sent"}


def test_a_blocked_message_does_not_hold_up_other_channels(org: Org) -> None:
    with (
        receivers.receiver(receivers.answer(500)) as broken,
        receivers.receiver() as healthy,
        time_machine.travel(timezone.now()) as clock,
    ):
        make_channel(org, broken.url)
        tell(org, "begins", about=1)
        deliver_due(5)
        tell(org, "ends", event="incident.resolved", about=1)
        clock.shift(31)
        second = make_org("Second")
        make_channel(second, healthy.url)
        tell(second)
        deliver_due(5)
    assert len(healthy.received) == 1


def test_one_success_lets_everything_that_waits_go(org: Org) -> None:
    with receivers.receiver(receivers.answer(500)) as server, time_machine.travel(timezone.now()) as clock:
        make_channel(org, server.url)
        for number in range(3):
            tell(org, about=number)
            deliver_due(5)
            clock.shift(35)
        server.behaviour = receivers.answer()
        tell(org, about=9)
        deliver_due(5)
    assert {state[0] for state in states()} == {"sent"}


def test_a_lease_ends_and_the_message_goes_out_under_the_same_name(org: Org) -> None:
    with receivers.receiver() as server, time_machine.travel(timezone.now()) as clock:
        make_channel(org, server.url)
        tell(org)
        killed = claims.claim_message()  # and then kill -9
        assert killed is not None
        assert claims.claim_message() is None
        clock.shift(61)
        deliver_due(5)
        assert server.received[0].headers["idempotency-key"] == killed.message_id
        outcomes.record_transient(killed, "a late answer")  # it lives after all: it has no say any more
    assert states() == [("sent", 2, None)]


def test_a_message_that_kills_its_worker_every_time_is_failed(org: Org) -> None:
    with time_machine.travel(timezone.now()) as clock:
        make_channel(org, "https://hooks.slack.com/x")
        tell(org)
        for _ in range(5):
            assert claims.claim_message() is not None
            clock.shift(61)
        assert claims.claim_message() is None
        assert outcomes.fail_abandoned() == 1
    assert states() == [("failed", 5, "The worker stopped in the middle of every attempt.")]


@pytest.mark.parametrize("channels", [1, 40], ids=["one channel", "many channels"])
def test_5000_messages_to_a_dead_host_do_not_delay_a_healthy_channel(org: Org, channels: int) -> None:
    """The dead one hangs for half a second on every connection; the healthy message is the last in the queue."""
    with receivers.receiver(receivers.hang()) as dead, receivers.receiver() as healthy:
        old = timezone.now() - timedelta(minutes=5)
        made = [make_channel(make_org(), dead.url.replace("127.0.0.1", "localhost")) for _ in range(channels)]
        Job.objects.bulk_create(
            Job(
                org=c.org,
                channel=c,
                type="incident.created",
                payload_json={},
                status="pending",
                created_at=old,
                subject_id=number,
            )
            for c in made
            for number in range(5000 // channels)
        )
        make_channel(org, healthy.url)
        tell(org)
        deliverer = Deliverer(slots=4)
        started = time.monotonic()
        while not healthy.received and time.monotonic() - started < 60:
            deliverer.step()
            deliverer.wait(0.05)
        deliverer.drain(3)
        deliverer.close()
    before = [each for each in dead.received if each.at < healthy.received[0].at]
    assert len(before) < 12  # a few slots full, neither all messages nor one of each channel
    assert Channel.objects.filter(failures__gt=0).exists()
