"""The button of a message in Slack: verified, acknowledged once, and the message updated in place."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import Org
from incidents.models import Incident
from incidents.tasks import answer_slack
from notifications.channels.secrets import encrypted
from notifications.channels.slack import CHANNEL_TYPE
from notifications.models import Channel, Job
from notifications.replies import notice_of
from notifications.webhook_addresses import with_address
from pulseops.core.config.encryption import decrypt, encrypt
from tests.support import receivers
from tests.support.alerting import make_channel, make_incident
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def make_slack(org: Org, name: str = "#on-call") -> Channel:
    config = {**with_address({}, "https://hooks.slack.com/services/T/B/x"), **encrypted("signing_secret", SECRET)}
    return Channel.objects.create(org=org, type="slack", name=name, config_json=config)


@pytest.fixture
def channel(org: Org) -> Channel:
    return make_slack(org)


@pytest.fixture
def incident(org: Org, channel: Channel) -> Incident:
    return make_incident(org, "Checkout fails")


def press(channel: Channel, token: Any, *, age: int = 0, secret: str = SECRET, **payload: Any) -> Any:
    """Send what Slack sends when the button is pressed."""
    sent = {
        "type": "block_actions",
        "user": {"id": "U1", "username": "dana"},
        "actions": [{"action_id": "pulseops_acknowledge", "value": token}],
        **payload,
    }
    body = urlencode({"payload": json.dumps(sent)}).encode()
    timestamp = str(int(time.time()) - age)
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={digest}"}
    kind = "application/x-www-form-urlencoded"
    return Client().post(f"/api/v1/slack/{channel.pk}", body, content_type=kind, headers=headers)


def test_the_button_stands_in_place_of_the_link(channel: Channel, incident: Incident) -> None:
    notice = notice_of(Job.objects.get())
    blocks = CHANNEL_TYPE.payload(channel.config_json, [notice], "x")["blocks"]
    (button,) = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    assert button["value"] == notice.reply
    assert "|Acknowledge>" not in json.dumps(blocks)
    plain = CHANNEL_TYPE.payload({}, [notice], "x")["blocks"]
    assert "|Acknowledge>" in json.dumps(plain)


def test_pressing_acknowledges_once(channel: Channel, incident: Incident) -> None:
    token = notice_of(Job.objects.get()).reply
    assert [press(channel, token).status_code for _ in range(2)] == [200, 200]
    incident.refresh_from_db()
    assert incident.status == "investigating"
    (entry,) = incident.events.filter(type="investigating")
    assert entry.message == "Acknowledged by dana in #on-call."


def test_an_organisation_cannot_fill_the_workers_queue_by_its_own_app(
    channel: Channel, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """Its admins have the app's secret, so they can sign as many presses as they like."""
    settings.QUOTA_WEBHOOKS_PER_MINUTE = 2
    with django_capture_on_commit_callbacks() as waiting:
        answers = [press(channel, "made up", response_url="https://hooks.slack.com/actions/x") for _ in range(5)]
    assert [answer.status_code for answer in answers].count(429) >= 2  # the minute may change in between
    assert int(answers[-1].headers.get("Retry-After", "1")) >= 1
    assert len(waiting) == [answer.status_code for answer in answers].count(200)


def test_what_slack_has_not_signed_is_refused(channel: Channel, incident: Incident) -> None:
    token = notice_of(Job.objects.get()).reply
    assert press(channel, token, secret="another").status_code == 401
    assert press(channel, token, age=320).status_code == 401
    assert press(channel, token, age=-320).status_code == 401
    assert press(make_channel(channel.org, "https://hooks.slack.com/services/T/B/y"), token).status_code == 401
    assert Client().post(f"/api/v1/slack/{channel.pk}", b"x" * 300_000, content_type="text/plain").status_code == 413
    assert Client().get(f"/api/v1/slack/{channel.pk}").status_code == 405
    Channel.objects.filter(pk=channel.pk).update(enabled=False)
    assert press(channel, token).status_code == 401
    incident.refresh_from_db()
    assert incident.status == "open"


def test_what_makes_no_sense_changes_nothing(channel: Channel, incident: Incident) -> None:
    foreign = make_slack(make_org("Theirs"))
    token = notice_of(Job.objects.get()).reply
    assert press(foreign, token).status_code == 200  # signed by their own app, for our incident
    odd: list[dict[str, Any]] = [{"actions": []}, {"actions": "x"}, {"actions": [1]}, {"user": 7, "actions": [{}]}]
    assert [press(channel, token, **each).status_code for each in odd] == [200] * len(odd)
    assert [press(channel, each).status_code for each in ("", None, "forged:x:y", {"a": 1})] == [200] * 4
    incident.refresh_from_db()
    assert incident.status == "open"


def test_the_message_is_updated_in_place(
    channel: Channel,
    incident: Incident,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]
    token = notice_of(Job.objects.get()).reply
    with receivers.receiver() as server:
        queued: list[Any] = []
        with (
            patch("pulseops.core.jobs.queue.async_task", lambda *values, **_: queued.append(values)),
            django_capture_on_commit_callbacks(execute=True),
        ):
            press(channel, token, response_url=server.url)
            press(channel, "forged", response_url=server.url)
        assert server.url not in str(queued)
        assert decrypt("webhook addresses", queued[0][-1]) == server.url
        for name, *values in queued:
            assert name == "incidents.tasks.answer_slack"
            answer_slack(*values)
        updated, refused = (each.json for each in server.received)
    assert updated["replace_original"] is True
    assert "Acknowledged by dana in #on-call." in json.dumps(updated)
    assert "actions" not in [block["type"] for block in updated["blocks"]]
    assert refused == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": "The incident of this button no longer exists.",
    }


def test_the_answer_goes_to_slack_alone(channel: Channel, incident: Incident) -> None:
    with pytest.raises(Exception, match="not a host"):
        answer_slack(str(channel.pk), incident.pk, "", encrypt("webhook addresses", "https://evil.example/x"))
