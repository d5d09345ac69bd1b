"""From the outbox to the receiver: every kind of receiver, each with a clear end."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from email.utils import format_datetime

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Org
from notifications import claims, outcomes
from notifications.actions import drop_job, retry_job
from notifications.delivery import Deliverer, deliver_due
from notifications.models import TEST_EVENT, Channel, Job
from notifications.outbox import enqueue_to
from tests import receivers
from tests.alerting import make_channel, tell
from tests.factories import make_org

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1", "localhost"]
    settings.NOTIFICATION_TIMEOUT_SECONDS = 0.5


def states() -> list[tuple[str, int | None, str | None]]:
    return list(Job.objects.order_by("created_at", "id").values_list("status", "attempts", "last_error"))


def test_a_message_is_delivered_at_once(org: Org) -> None:
    with receivers.receiver() as server:
        channel = make_channel(org, server.url)
        (job,) = tell(org)
        done = deliver_due(5)
    assert [(each.id, each.status) for each in done] == [(str(job.pk), "sent")]
    job.refresh_from_db()
    channel.refresh_from_db()
    assert (job.status, job.attempts, job.lease, channel.health) == ("sent", 1, None, "ok")
    assert job.sent_at is not None
    body = server.received[0].json
    assert body["text"] == "Incident opened · high: Errors in api (api / production)"
    assert str(job.batch) in str(body["blocks"])
    assert server.received[0].headers["idempotency-key"] == str(job.batch)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_success_is_success_whatever_the_body(org: Org, status: int) -> None:
    with receivers.receiver(receivers.answer(status, b"" if status == 204 else b"\xff\x00 garbage")) as server:
        make_channel(org, server.url)
        tell(org)
        deliver_due(5)
    assert states() == [("sent", 1, None)]


def test_ten_megabytes_of_answer_are_success(org: Org) -> None:
    with receivers.receiver(receivers.endless) as server:
        make_channel(org, server.url)
        tell(org)
        deliver_due(5)
    assert states() == [("sent", 1, None)]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, b"invalid_payload", "The receiver answered 400: invalid_payload"),
        (403, b"action_prohibited", "The receiver answered 403: action_prohibited"),
        (404, b"<html>nothing here</html>", "The receiver answered 404"),
        (410, b"channel_is_archived", "The receiver answered 410: channel_is_archived"),
        (301, b"", "The receiver answered 301: redirects are not followed."),
        (307, b"", "The receiver answered 307: redirects are not followed."),
    ],
)
def test_what_cannot_heal_fails_at_once_with_the_reason(org: Org, status: int, body: bytes, reason: str) -> None:
    with receivers.receiver(receivers.answer(status, body, Location="http://127.0.0.1:1/")) as server:
        channel = make_channel(org, server.url)
        tell(org)
        deliver_due(5)
    assert states() == [("failed", 1, reason)]
    channel.refresh_from_db()
    assert (channel.health, channel.last_error) == ("failing", reason)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (receivers.answer(500, b"oops"), "The receiver answered 500: oops"),
        (receivers.answer(503, b""), "The receiver answered 503"),
        (receivers.answer(408, b""), "The receiver answered 408"),
        (receivers.hang(), "127.0.0.1 did not answer within 0.5 seconds."),
        (receivers.drip, "127.0.0.1 did not answer within 0.5 seconds."),
        (receivers.garbage, "127.0.0.1 ended the connection or answered something that is not HTTP."),
    ],
    ids=["500", "503", "408", "hangs", "drips", "garbage"],
)
def test_what_may_heal_waits_for_its_next_attempt(org: Org, behaviour: receivers.Behaviour, reason: str) -> None:
    with receivers.receiver(behaviour) as server:
        make_channel(org, server.url)
        (job,) = tell(org)
        started = timezone.now()
        deliver_due(5)
    assert states() == [("pending", 1, reason)]
    job.refresh_from_db()
    assert 45 < (job.next_attempt_at - started).total_seconds() < 80


def test_the_secret_of_the_address_is_in_no_reason(org: Org) -> None:
    def echo(handler: receivers.BaseHTTPRequestHandler) -> None:
        receivers.answer(400, f"no such hook {handler.path}".encode())(handler)

    with receivers.receiver(echo) as server:
        make_channel(org, server.url)
        tell(org)
        deliver_due(5)
    assert states() == [("failed", 1, "The receiver answered 400: no such hook /…")]


def test_after_five_attempts_it_has_failed_and_can_be_retried_by_hand(org: Org) -> None:
    with receivers.receiver(receivers.answer(500, b"")) as server, time_machine.travel(timezone.now()) as clock:
        make_channel(org, server.url)
        (job,) = tell(org)
        waits = []
        for _ in range(5):
            deliver_due(5)
            job.refresh_from_db()
            waits.append((job.next_attempt_at - timezone.now()).total_seconds() / 60)
            clock.shift(timedelta(minutes=13))
        assert states() == [("failed", 5, "The receiver answered 500")]
        for wait, minutes in zip(waits, outcomes.BACKOFF[:4], strict=False):
            assert 0.8 * minutes <= wait <= 1.2 * minutes
        deliver_due(5)
        assert len(server.received) == 5
        server.behaviour = receivers.answer()
        assert retry_job(actor=None, job=job)
        assert not retry_job(actor=None, job=job)
        deliver_due(5)
    assert states() == [("sent", 1, None)]
    assert len({each.headers["idempotency-key"] for each in server.received}) == 1


def test_a_failed_message_can_be_dropped_but_not_a_sent_one(org: Org) -> None:
    make_channel(org, "https://hooks.slack.com/x")
    (job,) = tell(org)
    other = make_org("Other")
    assert not drop_job(actor=None, org=other, job_id=job.pk)
    assert drop_job(actor=None, org=org, job_id=job.pk)
    (job,) = tell(org)
    Job.objects.update(status=Job.Status.SENT)
    assert not drop_job(actor=None, org=org, job_id=job.pk)


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
def test_429_pauses_the_channel_and_is_no_attempt(org: Org, body: bytes, header: dict[str, str], seconds: int) -> None:
    with receivers.receiver(receivers.answer(429, body, **header)) as busy, receivers.receiver() as free:
        paused = make_channel(org, busy.url)
        make_channel(org, free.url)
        tell(org)
        before = timezone.now()
        deliver_due(5)
    assert len(free.received) == 1
    paused.refresh_from_db()
    assert paused.paused_until is not None
    assert abs((paused.paused_until - before).total_seconds() - seconds) < 2
    assert (paused.jobs.get().status, paused.jobs.get().attempts) == ("pending", 0)


def test_429_may_name_a_date(org: Org) -> None:
    until = timezone.now() + timedelta(seconds=100)
    with receivers.receiver(receivers.answer(429, Retry_After=format_datetime(until, usegmt=True))) as server:
        channel = make_channel(org, server.url)
        tell(org)
        deliver_due(5)
    channel.refresh_from_db()
    assert channel.paused_until is not None
    assert abs((channel.paused_until - until).total_seconds()) < 2


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
    assert states() == [("failed", 1, "The receiver asked to wait (429).")]


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


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://169.254.169.254/latest", "not a host that messages may go to"),
        ("http://hooks.slack.com/services/x", "must start with https"),
        ("https://hooks.slack.com.evil.example/x", "not a host that messages may go to"),
        ("", "not a web address"),
        ("https://[::ffff:127.0.0.1]/x", "not a host that messages may go to"),
    ],
)
def test_addresses_that_slipped_into_the_table_are_not_posted_to(org: Org, url: str, reason: str) -> None:
    make_channel(org, url)
    tell(org)
    deliver_due(5)
    ((status, _, error),) = states()
    assert status == "failed"
    assert reason in (error or "")


def test_an_allowed_name_that_leads_inside_fails_with_the_reason(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)
    make_channel(org, "https://hooks.slack.com/services/x")
    tell(org)
    deliver_due(5)
    reason = "hooks.slack.com leads to 169.254.169.254, which is not a public address."
    assert states() == [("failed", 1, reason)]


def test_a_channel_that_is_off_gets_nothing(org: Org) -> None:
    make_channel(org, "https://hooks.slack.com/x", enabled=False)
    assert tell(org) == []


@pytest.mark.parametrize("payload", [[], "text", 7, {"title": 7, "facts": "x", "path": "javascript:x"}])
def test_payloads_of_other_software_are_sent_as_far_as_they_can_be_read(org: Org, payload: object) -> None:
    with receivers.receiver() as server:
        channel = make_channel(org, server.url)
        Job.objects.create(org=org, channel=channel, type="x", payload_json=payload, status="pending")
        deliver_due(5)
    assert len(server.received) == 1


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
        while not healthy.received and time.monotonic() - started < 20:
            deliverer.step()
            deliverer.wait(0.05)
        took = time.monotonic() - started
        deliverer.drain(3)
        deliverer.close()
    assert took < 3
    assert Channel.objects.filter(failures__gt=0).exists()
