"""Later messages about an incident reply to the first one, where the service can."""

from __future__ import annotations

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from itertools import count

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Org
from notifications.channels.telegram import CHANNEL_TYPE
from notifications.delivery import deliver_due
from notifications.models import Job
from pulseops.core.outbound.client import Answer
from tests.notifications.kinds import channel_of
from tests.support import receivers
from tests.support.alerting import tell

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]


def bot() -> receivers.Behaviour:
    """Answer as Telegram does, with the number of the message."""
    numbers = count(101)

    def behave(handler: BaseHTTPRequestHandler) -> None:
        said = {"ok": True, "result": {"message_id": next(numbers), "chat": {"id": -1001}}}
        receivers.answer(200, json.dumps(said).encode())(handler)

    return behave


def test_telegram_replies_to_the_first_message(org: Org) -> None:
    with receivers.receiver(bot()) as server, time_machine.travel(timezone.now(), tick=False) as clock:
        channel_of("telegram", org, f"http://127.0.0.1:{server.port}")
        for event, subject in [("created", 7), ("investigating", 7), ("created", 8), ("resolved", 7)]:
            tell(org, event=f"incident.{event}", about=subject)
            deliver_due(10)
            clock.shift(timedelta(minutes=1))
        said = [each.json for each in server.received]
    assert [body.get("reply_parameters") for body in said] == [
        None,
        {"message_id": 101, "allow_sending_without_reply": True},
        None,
        {"message_id": 101, "allow_sending_without_reply": True},
    ]
    assert list(Job.objects.order_by("created_at").values_list("receipt", flat=True)) == ["101", "102", "103", "104"]


def test_a_digest_of_several_incidents_replies_to_none(org: Org) -> None:
    with receivers.receiver(bot()) as server, time_machine.travel(timezone.now(), tick=False) as clock:
        channel_of("telegram", org, f"http://127.0.0.1:{server.port}")
        tell(org, about=7)
        deliver_due(10)
        tell(org, event="incident.resolved", about=7)
        tell(org, about=8)
        clock.shift(timedelta(minutes=1))
        deliver_due(10)
        tell(org, event="incident.resolved", about=8)
        clock.shift(timedelta(minutes=1))
        deliver_due(10)
        said = [each.json.get("reply_parameters", {}).get("message_id") for each in server.received]
    assert said == [None, None, 102]  # what tells of 8 first is the digest


@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"[]", b'{"result": 7}', b'{"result": {"message_id": "7"}}', b'{"result": {"message_id": true}}',
     b'{"result": {"message_id": -7}}', b'{"result": {"message_id": 1e400}}',
     b'{"result": {"message_id": ' + b"9" * 99 + b"}}", b"[" * 50_000],
)  # fmt: skip
def test_an_answer_that_names_no_message_leaves_none_to_reply_to(body: bytes) -> None:
    assert CHANNEL_TYPE.receipt(Answer(200, {}, body)) == ""
