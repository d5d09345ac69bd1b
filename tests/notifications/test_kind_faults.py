"""Every kind of channel against receivers that misbehave: clear results, nothing sent twice, nothing lost."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from notifications.channels import CHANNEL_TYPES
from notifications.delivery import deliver_due
from notifications.models import Channel, Job
from tests.notifications.kinds import KINDS, SECRETS, channel_of
from tests.support import receivers
from tests.support.alerting import tell
from tests.support.factories import make_org
from tests.support.receivers import Behaviour, Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]


def test_every_kind_is_tried_here() -> None:
    assert {*KINDS, "email"} == set(CHANNEL_TYPES)


def base(server: Receiver) -> str:
    return f"http://127.0.0.1:{server.port}"


def enqueue_for_all(server: str) -> None:
    """A message for a channel of each kind, each in an organisation of its own."""
    for kind in KINDS:
        org = make_org(kind)
        channel_of(kind, org, server)
        tell(org, "Errors in api")


def outcomes() -> dict[str, tuple[str, int | None, str | None]]:
    rows = Job.objects.values_list("channel__type", "status", "attempts", "last_error")
    return {kind: (status, attempts, error) for kind, status, attempts, error in rows}


def test_what_is_taken_is_sent_once() -> None:
    with receivers.receiver() as server:
        enqueue_for_all(base(server))
        deliver_due(20)
        deliver_due(1)
    assert outcomes() == dict.fromkeys(KINDS, ("sent", 1, None))
    assert len(server.received) == len(KINDS)
    ids = {each.headers["idempotency-key"] for each in server.received}
    assert len(ids) == len(KINDS)


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        (receivers.endless, "sent", None),
        (receivers.half, "sent", None),
        (receivers.answer(204, b""), "sent", None),
        (receivers.half_headers, "sent", None),
        (receivers.answer(301, b"x" * 70_000, Location="https://hooks.slack.com/"), "failed", "answered 301"),
        (receivers.answer(307, b"", Location="http://169.254.169.254/"), "failed", "answered 307: redirects are not"),
        (receivers.answer(302, b"", Location="http://127.0.0.1:1/"), "failed", "answered 302: redirects are not"),
        (receivers.answer(400, b"bad"), "failed", "The receiver answered 400: bad"),
        (receivers.answer(403, b"invalid_token"), "failed", "The receiver answered 403: invalid_token"),
        (receivers.answer(404, b"no_service"), "failed", "The receiver answered 404: no_service"),
        (receivers.answer(410, b""), "failed", "The receiver answered 410"),
        (receivers.answer(408, b""), "pending", "The receiver answered 408"),
        (receivers.answer(503, b"later"), "pending", "The receiver answered 503: later"),
        (receivers.garbage, "pending", "answered something that is not HTTP"),
        (receivers.hang(3), "pending", "did not answer within 0.5 seconds"),
    ],
    ids=[
        "10 MB",
        "half",
        "204",
        "half of the head",
        "301",
        "307",
        "302",
        "400",
        "revoked",
        "404",
        "410",
        "408",
        "503",
        "garbage",
        "hangs",
    ],
)  # fmt: skip
def test_a_receiver_that_misbehaves(behaviour: Behaviour, status: str, reason: str | None) -> None:
    with receivers.receiver(behaviour) as server:
        enqueue_for_all(base(server))
        deliver_due(30)
        came = len(server.received)
        assert came == len(KINDS)
        deliver_due(1)
        assert len(server.received) == came  # nothing before its next attempt is due
    for kind, (state, attempts, error) in outcomes().items():
        assert (kind, state, attempts) == (kind, status, 1)
        assert (error is None) if reason is None else (reason in str(error)), (kind, error)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("2", 2), ("-5", 1), ("0", 1), ("1e400", 30), ("nan", 30), ("99999999999", 3600), ("soon", 30), ("", 30),
     ("Fri, 31 Dec 2199 23:59:59 GMT", 3600), ("Fri, 99 Dec 99999 23:59:59 GMT", 30)],
)  # fmt: skip
def test_who_asks_to_wait_is_left_alone_within_reason(asked: str, seconds: int) -> None:
    before = timezone.now()
    with receivers.receiver(receivers.answer(429, b"", Retry_After=asked)) as server:
        enqueue_for_all(base(server))
        deliver_due(20)
        came = len(server.received)
        deliver_due(1)
        assert len(server.received) == came == len(KINDS)
    assert {state for state, *_ in outcomes().values()} == {"pending"}
    assert {attempts for _, attempts, _ in outcomes().values()} == {0}
    for channel in Channel.objects.all():
        assert channel.paused_until
        waits = (channel.paused_until - before).total_seconds()
        assert seconds <= waits <= seconds + 30


def test_a_bots_answer_says_how_long_to_wait() -> None:
    said = json.dumps({"ok": False, "error_code": 429, "parameters": {"retry_after": 7}}).encode()
    org = make_org()
    with receivers.receiver(receivers.answer(429, said)) as server:
        channel_of("telegram", org, base(server))
        tell(org)
        deliver_due(5)
    assert "asked to wait 7 s" in str(Job.objects.get().last_error)


def test_a_wrong_certificate_is_refused(settings: Settings) -> None:
    with receivers.tls_receiver() as server:
        enqueue_for_all(f"https://127.0.0.1:{server.port}")
        deliver_due(20)
        assert server.received == []
    for state, _, error in outcomes().values():
        assert (state, error) == ("pending", "The certificate of 127.0.0.1 was not accepted.")


def test_a_name_that_leads_into_our_own_network_is_refused(settings: Settings) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = []
    with receivers.receiver() as server:
        settings.NOTIFICATION_HOSTS = [f"localhost:{server.port}"]
        enqueue_for_all(f"https://localhost:{server.port}")
        deliver_due(20)
        assert server.received == []
    for kind, (state, _, error) in outcomes().items():
        assert (kind, state) == (kind, "failed")
        assert "which is not a public address" in str(error)


def test_another_attempt_has_the_name_of_the_first(settings: Settings) -> None:
    with receivers.receiver(receivers.answer(500)) as server:
        enqueue_for_all(base(server))
        deliver_due(20)
        server.behaviour = receivers.answer()
        with time_machine.travel(timezone.now() + timedelta(minutes=3)):
            deliver_due(20)
        names: dict[str, set[str]] = {}
        for each in server.received:
            names.setdefault(each.headers["idempotency-key"], set()).add(each.path)
    assert len(names) == len(KINDS)
    assert len(server.received) == 2 * len(KINDS)
    assert outcomes() == dict.fromkeys(KINDS, ("sent", 2, None))


def test_no_reason_repeats_a_secret() -> None:
    def echo(handler: receivers.BaseHTTPRequestHandler) -> None:
        said = f"{handler.path} {handler.headers.get('authorization')} {handler.headers.get('x-gotify-key')}".encode()
        receivers.answer(400, said)(handler)

    with receivers.receiver(echo) as server:
        enqueue_for_all(base(server))
        deliver_due(20)
    secrets = [*SECRETS.values(), "secretsecretsecret", "guess-me-not"]
    for _, _, error in outcomes().values():
        assert error
        assert not [secret for secret in secrets if secret in error]
