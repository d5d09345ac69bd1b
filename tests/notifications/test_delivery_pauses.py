"""A receiver that asks for patience gets it."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Org
from notifications.delivery import deliver_due
from notifications.models import Job
from tests.notifications.conftest import states
from tests.support import receivers
from tests.support.alerting import make_channel, tell

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        (b"", {"Retry_After": "7"}, 7),
        (b'{"message": "slow down", "retry_after": 3.2}', {}, 4),
        (b'{"retry_after": "NaN"}', {"Retry_After": "soon"}, 30),
        (b"", {"Retry_After": "999999"}, 3600),
        (b"", {"Retry_After": "-4"}, 1),
    ],
)
def test_429_pauses_the_channel_without_an_attempt(org: Org, body: bytes, header: dict[str, str], seconds: int) -> None:
    with receivers.receiver(receivers.answer(429, body, **header)) as busy, receivers.receiver() as free:
        paused = make_channel(org, busy.url)
        make_channel(org, free.url)
        tell(org)
        before = timezone.now()
        deliver_due(5)
        after = timezone.now()
    assert len(free.received) == 1
    paused.refresh_from_db()
    assert paused.paused_until is not None
    assert before <= paused.paused_until - timedelta(seconds=seconds) <= after
    assert (paused.jobs.get().status, paused.jobs.get().attempts) == ("pending", 0)


def test_429_may_name_a_date(org: Org) -> None:
    until = timezone.now() + timedelta(seconds=100)
    with receivers.receiver(receivers.answer(429, Retry_After=format_datetime(until, usegmt=True))) as server:
        channel = make_channel(org, server.url)
        tell(org)
        before = timezone.now()
        deliver_due(5)
        took = timezone.now() - before
    channel.refresh_from_db()
    assert channel.paused_until is not None
    assert abs(channel.paused_until - until) < timedelta(seconds=2) + took


def test_a_paused_channel_is_left_alone_until_then(org: Org) -> None:
    busy = receivers.answer(429, b"", Retry_After="20")
    with receivers.receiver(busy) as server, time_machine.travel(timezone.now()) as clock:
        make_channel(org, server.url)
        tell(org)
        deliver_due(5)
        server.behaviour = receivers.answer()
        clock.shift(15)
        deliver_due(5)
        assert len(server.received) == 1
        clock.shift(6)
        deliver_due(5)
    assert states() == [("sent", 1, None)]


def test_a_receiver_that_says_429_for_a_day_is_given_up(org: Org) -> None:
    with receivers.receiver(receivers.answer(429)) as server:
        make_channel(org, server.url)
        tell(org)
        Job.objects.update(created_at=timezone.now() - timedelta(hours=25))
        deliver_due(5)
    assert states() == [("failed", 1, "The receiver asked to wait 30 s (429).")]
