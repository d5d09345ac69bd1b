"""“Acknowledge” in a message: a signed link, a page with one button, and who is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditLog, Org, User
from incidents.actions import resolve_incident
from incidents.models import Incident
from notifications.models import Channel, Job
from notifications.replies import notice_of, sign_reply
from tests.support.alerting import make_channel, make_incident
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]


@pytest.fixture
def channel(org: Org) -> Channel:
    return make_channel(org, "https://hooks.slack.com/services/T/B/x", name="#on-call")


@pytest.fixture
def incident(org: Org, channel: Channel) -> Incident:
    return make_incident(org, "Checkout fails")


@pytest.fixture
def path(incident: Incident) -> str:
    """The link in the message about the incident, without the host."""
    (url,) = [link.url for link in notice_of(Job.objects.get()).actions if link.label == "Acknowledge"]
    return url.removeprefix("http://localhost:8000")


def test_looking_changes_nothing_and_pressing_acknowledges(path: str, incident: Incident) -> None:
    stranger = Client()
    for _ in range(2):
        page = stranger.get(path)
        assert page.status_code == 200
        assert "Checkout fails" in page.text
        assert "no-store" in page["Cache-Control"]
    incident.refresh_from_db()
    assert incident.status == "open"
    page = stranger.post(path, follow=True)
    assert "Acknowledged by link in #on-call." in page.text
    incident.refresh_from_db()
    assert (incident.status, incident.assignee) == ("investigating", None)
    entry = incident.events.get(type="investigating")
    assert (entry.message, entry.actor_user) == ("Acknowledged by link in #on-call.", None)
    audited = AuditLog.objects.get(action="incident.investigating")
    assert audited.meta_json["via"] == "by link in #on-call"
    said = notice_of(Job.objects.get(type="incident.investigating"))
    assert [(fact.name, fact.text) for fact in said.facts] == [("By", "by link in #on-call")]
    assert "Acknowledge" not in [link.label for link in said.actions]


def test_a_member_who_is_signed_in_is_named(
    path: str, incident: Incident, developer: User, client_for: ClientFor
) -> None:
    client = client_for(developer)
    assert f"The timeline names you, {developer.display_name}" in client.get(path).text
    client.post(path)
    incident.refresh_from_db()
    assert (incident.status, incident.assignee) == ("investigating", developer)
    assert incident.events.get(type="investigating").actor_user == developer


@pytest.mark.parametrize("who", ["viewer", "outsider"])
def test_who_may_not_acknowledge_is_not_named(
    path: str, incident: Incident, who: str, client_for: ClientFor, request: pytest.FixtureRequest
) -> None:
    client_for(request.getfixturevalue(who)).post(path)
    entry = incident.events.get(type="investigating")
    assert entry.actor_user is None


def test_used_twice_it_says_who_came_first(
    path: str, incident: Incident, developer: User, client_for: ClientFor
) -> None:
    client_for(developer).post(path)
    page = Client().post(path, follow=True)
    assert f"<strong>{developer.display_name}</strong> acknowledged it" in page.text
    assert incident.events.filter(type="investigating").count() == 1


def test_of_a_resolved_incident_it_says_so(path: str, incident: Incident) -> None:
    resolve_incident(actor=None, incident=incident)
    page = Client().post(path, follow=True)
    assert "It was resolved" in page.text
    incident.refresh_from_db()
    assert incident.status == "resolved"


def test_it_expires(path: str, incident: Incident, settings: Settings) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=settings.NOTIFICATION_LINK_HOURS, seconds=5)):
        for answer in (Client().get(path), Client().post(path)):
            assert answer.status_code == 410
            assert "This link has expired" in answer.text
    incident.refresh_from_db()
    assert incident.status == "open"


def test_forged_and_foreign_links_change_nothing(path: str, incident: Incident, channel: Channel) -> None:
    foreign = make_channel(make_org("Theirs"), "https://hooks.slack.com/services/T/B/y")
    forged = [
        f"{path}x",
        path[:-3] + "abc",
        "/a/x",
        f"/a/{sign_reply(foreign.pk, incident.pk)}",
        f"/a/{sign_reply(uuid4(), incident.pk)}",
        f"/a/{sign_reply(channel.pk, incident.pk + 1)}",
    ]
    for each in forged:
        for answer in (Client().get(each), Client().post(each)):
            assert answer.status_code == 404
            assert "This link is not valid" in answer.text
    Channel.objects.filter(pk=channel.pk).update(enabled=False)
    assert Client().post(path).status_code == 404
    incident.refresh_from_db()
    assert incident.status == "open"


def test_a_network_has_an_end_of_trying(path: str, settings: Settings) -> None:
    caches["default"].clear()
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "message_link": "3/m/key"}
    assert [Client().get(path).status_code for _ in range(4)] == [200, 200, 200, 429]
    caches["default"].clear()


def test_a_page_with_a_button_needs_its_csrf_token(path: str, incident: Incident) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(path).status_code == 403
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(path).text)[0]
    assert client.post(path, {"csrfmiddlewaretoken": token}).status_code == 302
