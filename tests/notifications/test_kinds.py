"""What each kind sends: inside its service's published limits, and nothing in it works as markup, link or mention."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import override_settings
from django.utils import timezone
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from notifications.channels import gotify, mattermost, ntfy, opsgenie, pagerduty, rocketchat, teams, telegram
from notifications.channels.base import PermanentError
from notifications.channels.chat_webhook import chat_body
from notifications.channels.secrets import OVERLAP, with_new_secret
from notifications.channels.signed_webhook import CHANNEL_TYPE as SIGNED
from notifications.channels.signed_webhook import signature, webhook_body
from notifications.messages import Notice
from notifications.webhook_addresses import with_address
from tests.notifications.test_messages import EVIDENCE, NOTICES
from tests.support import receivers

SCHEMA = json.loads((Path(django_settings.BASE_DIR) / "static/schemas/webhook-message.v1.json").read_text())
ORG = SimpleNamespace(pk="0e1d2c3b-0000-4000-8000-000000000000", name="Acme")
FEW = settings(max_examples=25)
INCIDENT = {**EVIDENCE, "incident_id": 7, "severity": "high", "status": "open", "at": "2026-01-02T03:04:05+00:00"}


def notice(event: str = "incident.created", **fields: Any) -> Notice:
    return Notice.from_payload(event, {**INCIDENT, **fields})


@FEW
@given(NOTICES)
def test_teams(notices: list[Notice]) -> None:
    body = teams.teams_body(notices, "id-1")
    assert len(json.dumps(body).encode()) <= teams.MOST_BYTES
    (card,) = [each["content"] for each in body["attachments"]]
    assert card["type"] == "AdaptiveCard"
    for element in card["body"]:  # nothing that people wrote stands where markup is read
        assert element["type"] == "RichTextBlock"
        assert all(run["type"] == "TextRun" and run["text"] for run in element["inlines"])
    assert all(action["url"].startswith("http://localhost:8000/") for action in card["actions"])


@FEW
@given(NOTICES)
def test_telegram(notices: list[Notice]) -> None:
    text = telegram.telegram_text(notices, "id-1")
    tags = re.findall(r"<(/?[a-z]+)(?: href=\"[^\"<>]*\")?>", text)
    assert set(tags) <= {"b", "/b", "i", "/i", "a", "/a", "pre", "/pre"}
    assert text.count("<") == len(tags) == text.count(">")
    assert not re.search(r"&(?!amp;|lt;|gt;|quot;|#x27;)", text)
    assert 0 < len(unescape(re.sub(r"<[^>]*>", "", text))) <= telegram.TEXT
    outside = re.sub(r"<pre>.*?</pre>|<a [^>]*>|and \d+ more: \S+", "", text, flags=re.DOTALL)
    assert "://" not in outside


@FEW
@given(NOTICES)
def test_ntfy(notices: list[Notice]) -> None:
    body = ntfy.ntfy_body("topic", notices)
    assert 0 < len(body["message"].encode()) <= ntfy.MESSAGE
    assert 0 < len(body["title"]) <= ntfy.TITLE
    assert body["priority"] in range(1, 6)
    assert len(body["actions"]) <= ntfy.ACTIONS
    assert "://" not in body["message"]


@FEW
@given(NOTICES)
def test_gotify(notices: list[Notice]) -> None:
    body = gotify.gotify_body(notices)
    assert 0 < len(body["message"].encode()) <= gotify.MESSAGE
    assert body["extras"]["client::display"] == {"contentType": "text/plain"}
    assert body["priority"] in range(11)


@FEW
@given(NOTICES)
def test_mattermost_and_rocketchat(notices: list[Notice]) -> None:
    body = chat_body(notices, "id-1")
    (attachment,) = body["attachments"]
    whole = [body["text"], attachment["title"], attachment["text"], *(f["value"] for f in attachment.get("fields", []))]
    assert len(body["text"]) <= rocketchat.TEXT
    assert len(json.dumps(body)) <= 10 * mattermost.TEXT
    assert sum(map(len, whole)) <= mattermost.TEXT
    assert not [text for text in whole if re.search(r"@\w", text)]  # nobody is mentioned


@FEW
@given(NOTICES)
def test_pagerduty(notices: list[Notice]) -> None:
    event = pagerduty.pagerduty_event("r" * 32, notices[0], "id-1")
    if event is None:
        return
    assert event["event_action"] in {"trigger", "acknowledge", "resolve"}
    assert 0 < len(event["dedup_key"]) <= 255
    if event["event_action"] == "trigger":
        assert 0 < len(event["payload"]["summary"]) <= pagerduty.SUMMARY
        assert event["payload"]["severity"] in {"critical", "error", "warning", "info"}
        assert event["payload"]["source"]
    assert len(json.dumps(event).encode()) <= 512 * 1024


def test_pagerduty_knows_the_incident_again() -> None:
    words = [
        "incident.created",
        "incident.investigating",
        "incident.resolved",
        "incident.reopened",
        "incident.escalated",
    ]
    events = [pagerduty.pagerduty_event("r" * 32, notice(each), f"id-{each}") for each in words]
    assert [event["event_action"] for event in events if event] == [
        "trigger", "acknowledge", "resolve", "trigger", "trigger",
    ]  # fmt: skip
    assert {event["dedup_key"] for event in events if event} == {"pulseops:localhost:8000:incident:7"}
    assert pagerduty.pagerduty_event("r" * 32, notice("incident.unwatched"), "x") is None
    created = events[0]
    assert created
    assert created["payload"]["severity"] == "critical"
    assert (created["payload"]["component"], created["payload"]["group"]) == ("api", "production")
    assert created["payload"]["timestamp"] == "2026-01-02T03:04:05+00:00"


@FEW
@given(NOTICES)
def test_opsgenie(notices: list[Notice]) -> None:
    path, body = opsgenie.opsgenie_request(notices[0], "id-1")
    if path:
        assert len(body["note"]) <= opsgenie.NOTE
        assert path.endswith("?identifierType=alias")
    else:
        assert 0 < len(body["message"]) <= opsgenie.MESSAGE
        assert len(body["alias"]) <= 512
        assert len(body["description"]) <= opsgenie.DESCRIPTION
        assert body["priority"] in {"P1", "P2", "P3", "P4", "P5"}
        assert sum(map(len, body["details"].values())) <= 8_000


def test_opsgenie_knows_the_incident_again() -> None:
    path, body = opsgenie.opsgenie_request(notice(), "x")
    assert (path, body["priority"]) == ("", "P1")
    for event, verb in (("investigating", "acknowledge"), ("resolved", "close"), ("escalated", "notes")):
        path, _ = opsgenie.opsgenie_request(notice(f"incident.{event}"), "x")
        assert path == f"/pulseops%3Alocalhost%3A8000%3Aincident%3A7/{verb}?identifierType=alias"
    assert body["alias"] == "pulseops:localhost:8000:incident:7"


@FEW
@given(NOTICES)
def test_a_signed_webhook_is_as_its_schema_says(notices: list[Notice]) -> None:
    Draft202012Validator(SCHEMA).validate(webhook_body(ORG, notices[0]))


def test_a_signed_webhook_says_all() -> None:
    data = webhook_body(ORG, notice("incident.investigating", status="investigating"))["data"]
    assert (data["incident"], data["status"], data["severity"]) == (7, "acknowledged", "high")
    assert (data["service"], data["environment"]) == ("api", "production")
    assert data["facts"][0] == {
        "name": "First seen", "text": "2026-01-02 03:04:05 UTC", "time": "2026-01-02T03:04:05.000Z",
    }  # fmt: skip


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the specification: https://github.com/standard-webhooks/standard-webhooks, libraries' tests."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@override_settings(OUTGOING_PRIVATE_HOSTS=["127.0.0.1"])
def test_both_secrets_sign_for_a_day() -> None:
    with receivers.receiver() as server:
        config, old = with_new_secret(with_address({}, server.url))
        config, new = with_new_secret(config)
        channel = SimpleNamespace(config_json=config, org=ORG)
        SIGNED.send(channel, [notice()], "message-1")
        with time_machine.travel(timezone.now() + OVERLAP + timedelta(minutes=1)):
            SIGNED.send(channel, [notice()], "message-2")
    first, second = server.received

    def signs(secret: str, request: receivers.Received) -> bool:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
        mine = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return mine in request.headers["webhook-signature"].split()

    assert signs(new, first)
    assert signs(old, first)
    assert signs(new, second)
    assert not signs(old, second)
    assert first.headers["webhook-id"] == "message-1"


def test_without_a_secret_nothing_is_sent() -> None:
    channel = SimpleNamespace(config_json=with_address({}, "https://example.com/x"), org=ORG)
    with pytest.raises(PermanentError):
        SIGNED.send(channel, [notice()], "message-1")
