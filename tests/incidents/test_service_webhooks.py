"""What people do in PagerDuty, Opsgenie and Jira is done here: verified, in their name, once, and not sent back."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditLog, Org, User
from incidents.actions import add_note, reopen_incident, resolve_incident
from incidents.models import Incident
from notifications.channels.opsgenie import opsgenie_request
from notifications.channels.opsgenie_webhook import JIRA
from notifications.channels.secrets import encrypted, valid_secrets, with_new_secret
from notifications.models import Channel, Job, ReceivedEvent
from notifications.replies import notice_of
from notifications.tasks import trim_notifications
from tests.support.alerting import make_channel, make_incident
from tests.support.factories import make_org

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]
ClientFor = Callable[[User], Client]
SECRET = "z5dkmUHdZ7dTVvEKrjgkzqRbrxJvdpjN"
SERVERS = {"pagerduty": "https://events.pagerduty.com", "opsgenie": "https://api.opsgenie.com"}
WORDS = {
    "pagerduty": {"acknowledge": "incident.acknowledged", "resolve": "incident.resolved", "note": "incident.annotated",
                  "reopen": "incident.reopened", "open": "incident.triggered", "other": "incident.priority_updated"},
    "opsgenie": {"acknowledge": "Acknowledge", "resolve": "Close", "note": "AddNote", "open": "Create",
                 "other": "Escalate"},
}  # fmt: skip


def make_service_channel(org: Org, kind: str = "pagerduty", name: str = "duty", **config: Any) -> Channel:
    held = {"server": SERVERS[kind], **encrypted("routing_key", "r" * 32), **encrypted("api_key", "k" * 20)}
    held |= encrypted("webhook_secret", SECRET) if kind == "pagerduty" else with_new_secret({})[0]
    return Channel.objects.create(org=org, type=kind, name=name, config_json={**held, **config})


@pytest.fixture(params=["pagerduty", "opsgenie"])
def channel(org: Org, request: pytest.FixtureRequest) -> Channel:
    return make_service_channel(org, request.param)


@pytest.fixture
def incident(org: Org, channel: Channel) -> Incident:
    make_channel(org, "https://hooks.slack.com/services/T/B/x", name="#on-call")
    return make_incident(org, "Checkout fails")


def body_of(kind: str, act: str, key: str, number: int = 1, *, at: Any = None, **changed: Any) -> bytes:
    """Make a delivery as the service's documentation shows it."""
    at = at or timezone.now()
    if kind == "opsgenie":
        alert = {"alertId": "052652ac-5d1c", "alias": key, "username": changed.get("by", "dana@example.com"),
                 "updatedAt": int(at.timestamp() * 10**9) + number, "note": changed.get("text", "")}  # fmt: skip
        word = WORDS[kind][act]
        return json.dumps({"action": word, "alert": alert, "source": {"name": "", "type": "web"}}).encode()
    agent = {"id": "PLH1HKV", "type": changed.get("agent", "user_reference"), "summary": changed.get("by", "Dana")}
    data: dict[str, Any] = {"id": "PGR0VU2", "type": "incident", "incident_key": key, "status": "acknowledged"}
    if act == "note":
        data = {"incident": {"id": "PGR0VU2", "type": "incident_reference"}, "id": "P2LA89X", "type": "incident_note",
                "content": changed.get("text", ""), "trimmed": False}  # fmt: skip
    event = {"id": f"01E{number}", "event_type": WORDS[kind][act], "resource_type": "incident", "agent": agent,
             "occurred_at": at.isoformat(), "client": None, "data": data}  # fmt: skip
    return json.dumps({"event": event}).encode()


def send(channel: Channel, body: bytes, *, secret: str = "", also: str = "") -> Any:
    """Send a delivery with the proof of the channel's service."""
    if channel.type == "pagerduty":
        digest = hmac.new((secret or SECRET).encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-pagerduty-signature": f"{also}v1={digest}"}
    else:
        headers = {"authorization": f"Bearer {secret or valid_secrets(channel.config_json)[0]}"}
    return Client().post(f"/api/v1/channels/{channel.pk}/events", body, "application/json", headers=headers)


def key_of(incident: Incident) -> str:
    return f"pulseops:localhost:8000:incident:{incident.pk}"


def result_of(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.json()["data"]["result"])


def test_acknowledging_there_acknowledges_here_in_that_name(channel: Channel, incident: Incident) -> None:
    who = {"pagerduty": "Dana in PagerDuty", "opsgenie": "dana@example.com in Opsgenie"}[channel.type]
    body = body_of(channel.type, "acknowledge", key_of(incident))
    assert result_of(send(channel, body)) == "Acknowledged."
    assert result_of(send(channel, body)) == "It was received before."
    later = body_of(channel.type, "acknowledge", key_of(incident), 2)
    assert result_of(send(channel, later)) == "Acknowledged already."
    incident.refresh_from_db()
    assert incident.status == "investigating"
    (entry,) = incident.events.filter(type="investigating")
    assert (entry.message, entry.author) == (f"Acknowledged by {who}.", who)
    assert AuditLog.objects.get(action="incident.investigating").meta_json["via"] == f"by {who}"
    # the others are notified of it, the service that said so is not
    (job,) = Job.objects.filter(type="incident.investigating").select_related("channel")
    assert job.channel
    assert job.channel.name == "#on-call"
    assert [(fact.name, fact.text) for fact in notice_of(job).facts] == [("By", f"by {who}")]


def test_all_that_people_do_there(channel: Channel, incident: Incident, org: Org) -> None:
    acts = ["open", "acknowledge", "resolve"] + ["reopen"] * (channel.type == "pagerduty")
    answers = [
        result_of(send(channel, body_of(channel.type, act, key_of(incident), n))) for n, act in enumerate(acts, 1)
    ]
    assert answers == ["Nothing is done for it here.", "Acknowledged.", "Resolved.", "Reopened."][: len(acts)]
    text = "Running KILL on\nlong queries\x00 <b>x</b>"
    noted = body_of(channel.type, "note", key_of(incident), 9, text=text)
    assert result_of(send(channel, noted)) == "Note added."
    assert result_of(send(channel, noted)) == "It was received before."
    entry = incident.events.get(type="note")
    assert entry.message == "Running KILL on\nlong queries <b>x</b>"
    assert " in " in entry.author
    assert not Job.objects.filter(type="incident.note").exists()
    assert not Job.objects.filter(channel=channel).exclude(type="incident.created").exists()


def test_jira_is_called_jira(org: Org) -> None:
    channel = make_service_channel(org, "opsgenie", server=JIRA)
    incident = make_incident(org)
    send(channel, body_of("opsgenie", "acknowledge", key_of(incident)))
    assert incident.events.get(type="investigating").author == "dana@example.com in Jira Service Management"


def test_what_no_person_did_changes_nothing(org: Org) -> None:
    """Among that is the echo of what we sent ourselves."""
    duty, jira = make_service_channel(org), make_service_channel(org, "opsgenie")
    incident = make_incident(org)
    for number, agent in enumerate(["service_reference", "inbound_integration_reference", ""]):
        body = body_of("pagerduty", "resolve", key_of(incident), number, agent=agent)
        assert "No person did this" in result_of(send(duty, body))
    add_note(actor=None, incident=incident, text="told", is_sent=True)
    note = Job.objects.get(type="incident.note", channel=jira)
    _, sent = opsgenie_request(notice_of(note), "x")
    echo = body_of("opsgenie", "note", key_of(incident), by=sent["user"], text=sent["note"])
    assert "No person did this" in result_of(send(jira, echo))
    assert incident.events.filter(type="note").count() == 1
    incident.refresh_from_db()
    assert incident.status == "open"


def test_what_is_late_changes_nothing(channel: Channel, incident: Incident) -> None:
    resolve_incident(actor=None, incident=incident)
    reopen_incident(actor=None, incident=incident)
    late = body_of(channel.type, "resolve", key_of(incident), at=timezone.now() - timedelta(minutes=5))
    assert "before the last change here" in result_of(send(channel, late))
    resolve_incident(actor=None, incident=incident)
    now = body_of(channel.type, "acknowledge", key_of(incident), 2)
    assert result_of(send(channel, now)) == "The incident is resolved. Reopen it first."


def test_a_channel_acts_on_what_it_was_notified_of_alone(channel: Channel, incident: Incident, org: Org) -> None:
    theirs = make_service_channel(make_org("Theirs"), channel.type)
    beside = make_service_channel(org, channel.type, name="beside")  # of the same organisation, added later
    for each in (theirs, beside):
        answer = result_of(send(each, body_of(channel.type, "resolve", key_of(incident))))
        assert answer == "It is not about an incident of which this channel was notified."
    for number, key in enumerate(
        [
            "",
            "alias",
            f"pulseops:evil.example:incident:{incident.pk}",
            f"{key_of(incident)}0",
            "pulseops:localhost:8000:",
        ]
    ):
        assert "not about" in result_of(send(channel, body_of(channel.type, "resolve", key, number + 5)))
    incident.refresh_from_db()
    assert incident.status == "open"
    Incident.objects.filter(pk=incident.pk).update(created_at=timezone.now() - timedelta(days=31))
    Job.objects.all().delete()
    assert result_of(send(channel, body_of(channel.type, "resolve", key_of(incident), 99))) == "Resolved."


def test_what_the_service_has_not_sent_is_refused(channel: Channel, incident: Incident) -> None:
    body = body_of(channel.type, "acknowledge", key_of(incident))
    address = f"/api/v1/channels/{channel.pk}/events"
    assert send(channel, body, secret="another-secret-of-the-right-length").status_code == 401
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {'x' * 30}"},
                    {"x-pagerduty-signature": ""}, {"x-pagerduty-signature": "v1=" + "0" * 63},
                    {"x-pagerduty-signature": "v0=" + "0" * 64}, {"x-pagerduty-signature": "é" * 400}):  # fmt: skip
        with CaptureQueriesContext(connection) as queries:
            assert Client().post(address, body, "application/json", headers=headers).status_code == 401
        assert len(queries) == 0
    other = {"pagerduty": {"authorization": f"Bearer {'x' * 30}"},
             "opsgenie": {"x-pagerduty-signature": "v1=" + "0" * 64}}[channel.type]  # fmt: skip
    assert Client().post(address, body, "application/json", headers=other).status_code == 401
    assert Client().get(address).status_code == 405
    assert send(channel, b"x" * 300_000).status_code == 413
    Channel.objects.filter(pk=channel.pk).update(enabled=False)
    assert send(channel, body).status_code == 401
    incident.refresh_from_db()
    assert incident.status == "open"
    channel.refresh_from_db()
    assert channel.last_refused_at
    assert not ReceivedEvent.objects.exists()


def test_one_of_several_signatures_is_enough(org: Org) -> None:
    """PagerDuty signs with each secret of a subscription while it is rotated."""
    channel = make_service_channel(org)
    body = body_of("pagerduty", "acknowledge", key_of(make_incident(org)))
    many = ",".join(f"v1={number:064x}" for number in range(9))
    assert result_of(send(channel, body, also=f"v1={'0' * 64}, v2=x,")) == "Acknowledged."
    assert send(channel, body, also=f"{many},{many},").status_code == 401  # more than are looked at


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nonsense", b"\xff\xfe", b'{"event": 1}', b'{"event": {"id": 7}}', b"[" * 100_000,
     b'{"event": {"id": "x", "event_type": "incident.resolved", "data": {"id": null}}}',
     b'{"event": {"id": "' + b"x" * 500 + b'", "event_type": "incident.resolved"}}',
     b'{"action": "Close"}', b'{"action": "Close", "alert": {"alias": {}}}',
     b'{"action": "Close", "alert": {"alias": "\\ud800", "username": "\\ud800"}}',
     b'{"action": "Close", "alert": {"updatedAt": 1' + b"0" * 400 + b"}}"],
)  # fmt: skip
def test_what_makes_no_sense_is_taken_and_changes_nothing(channel: Channel, incident: Incident, body: bytes) -> None:
    assert "Acknowledged" not in result_of(send(channel, body))
    incident.refresh_from_db()
    assert incident.status == "open"


def test_an_organisation_has_an_end_of_deliveries(org: Org, settings: Settings) -> None:
    settings.QUOTA_WEBHOOKS_PER_MINUTE = 2
    channel = make_service_channel(org)
    bodies = [body_of("pagerduty", "other", "x", number) for number in range(3)]
    answers = [send(channel, body) for body in bodies]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1]["Retry-After"]


def test_the_channels_page_says_how_and_what_came(
    org: Org, admin: User, client_for: ClientFor, channel: Channel, incident: Incident
) -> None:
    send(channel, body_of(channel.type, "acknowledge", key_of(incident)))
    send(channel, body_of(channel.type, "resolve", key_of(incident), 2), secret="another-secret-of-some-length")
    page = client_for(admin).get(f"/settings/notifications/{channel.pk}").text
    assert f"http://localhost:8000/api/v1/channels/{channel.pk}/events" in page
    assert f'<a href="/incidents/{incident.pk}">#{incident.pk}</a>' in page
    assert "a request with another secret" in page
    assert SECRET not in page


def test_what_was_received_long_ago_goes(org: Org) -> None:
    channel = make_service_channel(org)
    for days in (1, 91):
        at = timezone.now() - timedelta(days=days)
        ReceivedEvent.objects.create(org=org, channel=channel, event_id=str(days), at=at)
    assert trim_notifications()["received"] == 1
