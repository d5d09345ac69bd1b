"""What is sent, and what becomes of it by what the receiver answers; the receivers are real."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from notifications import claims, outcomes
from notifications.actions import delete_channel, drop_job, retry_job
from notifications.delivery import deliver_due
from notifications.models import DeliveryAttempt, Job
from tests.notifications.conftest import states
from tests.support import receivers
from tests.support.alerting import make_channel, tell
from tests.support.factories import make_org

ClientFor = Callable[[User], Client]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]


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


def test_each_attempt_is_logged_and_a_message_can_be_sent_again(org: Org, admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    with receivers.receiver(receivers.answer(503, b"later")) as server:
        channel = make_channel(org, server.url)
        tell(org)
        deliver_due(5)
        server.behaviour = receivers.answer(429, Retry_After="7")
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            deliver_due(5)
        server.behaviour = receivers.answer()
        with time_machine.travel(timezone.now() + timedelta(minutes=3)):
            deliver_due(5)
        page = f"/settings/notifications/{channel.pk}"
        said = [(each.result, each.reason) for each in DeliveryAttempt.objects.order_by("pk")]
        assert said == [
            ("retried", "The receiver answered 503: later"),
            ("limited", "The receiver asked to wait 7 s (429)."),
            ("sent", ""),
        ]
        assert "asked to wait 7 s" in client.get(page).text
        message_id = DeliveryAttempt.objects.latest("pk").message_id
        assert "once more" in client.post(f"{page}/deliveries/{message_id}/replay", follow=True).text
        with time_machine.travel(timezone.now() + timedelta(minutes=5)):
            deliver_due(5)
        assert len({each.headers["idempotency-key"] for each in server.received}) == 2
        assert "no longer kept" in client.post(f"{page}/deliveries/{uuid4()}/replay", follow=True).text


def test_a_channel_that_was_deleted_meanwhile_leaves_no_log(org: Org, admin: User) -> None:
    with receivers.receiver() as server:
        channel = make_channel(org, server.url)
        tell(org)
        claim = claims.claim_message()
        assert claim
        delete_channel(actor=admin, channel=channel)
        outcomes.record_attempt(claim, "sent", "", 0.1)
    assert not DeliveryAttempt.objects.exists()
