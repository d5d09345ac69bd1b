"""What is written down of an incident: notes, its cause, the post-mortem, and all of it as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditLog, Org, User
from alerts.evaluate import evaluate
from incidents.actions import acknowledge_incident, add_note
from incidents.models import Incident, IncidentEvent
from notifications.models import Job
from notifications.replies import notice_of
from tests.support.alerting import make_channel, make_deployment, make_incident, make_rule, receive
from tests.support.cpu import BUDGET_SECONDS, cpu_of
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(developer: User, client_for: Callable[[User], Client]) -> Client:
    return client_for(developer)


def test_resolving_may_say_the_cause(client: Client, org: Org) -> None:
    make_channel(org, "https://hooks.slack.com/services/x")
    incident = make_incident(org)
    client.post(f"/incidents/{incident.pk}/resolve", {"cause": "x" * 501})
    incident.refresh_from_db()
    assert incident.is_live  # nothing of a cause is cut
    page = client.post(f"/incidents/{incident.pk}/resolve", {"cause": "A full <disk>"}, follow=True).text
    assert page.count("A full &lt;disk&gt;") == 2  # in the timeline, and in the post-mortem
    incident.refresh_from_db()
    assert incident.cause == "A full <disk>"
    assert notice_of(Job.objects.get(type="incident.resolved")).text == "Cause: A full <disk>"
    client.post(f"/incidents/{incident.pk}/reopen", {"cause": "not asked for"})
    client.post(f"/incidents/{incident.pk}/resolve")
    incident.refresh_from_db()
    assert incident.cause == "A full <disk>"


def test_htmx_gets_the_parts_that_a_note_changes(client: Client, org: Org) -> None:
    incident = make_incident(org)
    address = f"/incidents/{incident.pk}/notes"
    answer = client.post(address, {"text": "Found it"}, headers=HTMX)
    assert "Found it" in answer.text
    assert answer.text.count('hx-swap-oob="true"') == 5
    assert {"noted", "toast"} == set(json.loads(answer["HX-Trigger"]))
    refused = client.post(address, {"text": ""}, headers=HTMX)
    assert (refused.status_code, refused.content) == (422, b"")
    assert json.loads(refused["HX-Trigger"])["toast"]["tone"] == "error"
    assert "Found it" in client.get(f"/incidents/{incident.pk}/parts").text


def test_a_post_mortem_is_written_and_read(client: Client, org: Org) -> None:
    incident = make_incident(org, description="It broke.")
    address = f"/incidents/{incident.pk}/post-mortem"
    form = client.get(address).context["form"]
    seen = form.initial["seen"]
    texts = {"description": "It broke.", "impact": "42 orders", "cause": "", "follow_ups": "Alert on it\r\nTest it"}
    page = client.post(address, {**texts, "seen": seen}, follow=True).text
    assert "42 orders" in page
    assert "Changed the impact and the follow-ups." in page
    row = AuditLog.objects.get(action="incident.postmortem")
    assert row.meta_json is not None
    assert row.meta_json["changed"] == ["impact", "follow_ups"]
    incident.refresh_from_db()
    assert incident.follow_ups == "Alert on it\nTest it"


def test_two_who_write_a_post_mortem_lose_nothing(client: Client, org: Org) -> None:
    incident = make_incident(org)
    address = f"/incidents/{incident.pk}/post-mortem"
    seen = client.get(address).context["form"].initial["seen"]
    Incident.objects.filter(pk=incident.pk).update(cause="Hers", impact="Hers too")
    answer = client.post(address, {"cause": "His", "seen": seen})
    assert answer.status_code == 422
    assert "Someone else saved a change while you were writing" in answer.text
    assert all(words in answer.text for words in ("Hers", "Hers too", "His"))
    incident.refresh_from_db()
    assert incident.cause == "Hers"
    again = answer.context["form"].initial["seen"]
    client.post(address, {"cause": "Hers and his", "impact": "Hers too", "seen": again})
    incident.refresh_from_db()
    assert (incident.cause, incident.impact) == ("Hers and his", "Hers too")
    for nonsense in ("{", "0" * 16, "x" * 201, ""):
        assert client.post(address, {"cause": "x", "seen": nonsense}).status_code == 422


def test_the_markdown_says_all_that_the_page_says(client: Client, org: Org) -> None:
    production = make_service(org, "api").environments.get(name="production")
    make_channel(org, "https://hooks.slack.com/services/x", name="#on-call")
    make_rule(org, name="Many errors", params={"query": "boom"})
    now = timezone.now()
    deployment = make_deployment(production, minutes_before=9, now=now)
    receive(production, 4, now, message="<i>boom</i>")
    evaluate(now=now)
    incident = Incident.objects.get()
    acknowledge_incident(actor=None, incident=incident, at=now + timedelta(minutes=4))
    add_note(actor=None, incident=incident, text="First *line*\n\nSecond line")
    Incident.objects.update(impact="# Orders\n42 failed", cause="A typo", follow_ups="Fix it\n- [x] Tell them")
    answer = client.get(f"/incidents/{incident.pk}/markdown")
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    markdown = answer.text
    assert markdown.startswith("# Many errors: api / production\n")
    for words in (
        f"[Incident #{incident.pk}](http://localhost:8000/incidents/{incident.pk}?org={org.pk})".replace("#", "\\#"),
        "- Acknowledged after 4 min", "severity high", "- Detections: 1", "## Impact\n\n### Orders\n42 failed",
        "## Cause\n\nA typo", f"/deployments/{deployment.pk}?org=", "- Filter: `boom`", "At least 3 error logs",
        "4 error logs in 5 min", "## Deployments", "Break it", "First \\*line\\*\\\n  Second line",
        "- [ ] Fix it", "- [x] Tell them", "## Notifications", "- \\#on-call: incident opened, waiting",
    ):  # fmt: skip
        assert words in markdown, words


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("# A\n```sh\n# c <b>\n````x", "### A\n```sh\n# c <b>\n````x\n```"),
        ("~~~\n```\n~~~\n# B", "~~~\n```\n~~~\n### B"),
        ("<!-- and <details>, 1 < 2", "\\<!-- and \\<details>, 1 < 2"),
    ],
)
def test_what_a_description_opens_ends_with_it(client: Client, org: Org, text: str, written: str) -> None:
    """A fence or comment without an end took deployments and timeline away from who reads the report."""
    incident = make_incident(org)
    Incident.objects.filter(pk=incident.pk).update(description=text)
    assert f"## Summary\n\n{written}\n\n## " in client.get(f"/incidents/{incident.pk}/markdown").text


def test_the_markdown_of_an_endless_timeline_has_an_end(client: Client, org: Org) -> None:
    incident = make_incident(org)
    IncidentEvent.objects.bulk_create(
        IncidentEvent(incident=incident, type="note", message=f"{number} {'*' * 9_990}") for number in range(250)
    )
    answer, seconds = cpu_of(client.get, f"/incidents/{incident.pk}/markdown", within=BUDGET_SECONDS)
    assert "151 earlier entries are left out here." in answer.text
    assert ": 249 \\*" in answer.text
    assert ": 149 \\*" not in answer.text
    assert seconds < BUDGET_SECONDS
