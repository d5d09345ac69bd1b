"""Incidents on their pages: by role, by filter, with all that stands beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Org, User
from alerts.evaluate import evaluate
from deployments.models import Deployment
from incidents.actions import acknowledge_incident, add_note, resolve_incident
from incidents.models import Incident
from incidents.tasks import trim_incidents
from notifications.models import Job
from notifications.replies import notice_of
from tests.support.alerting import make_channel, make_deployment, make_incident, make_rule, receive
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]


@pytest.fixture
def client(developer: User, client_for: ClientFor) -> Client:
    return client_for(developer)


def test_with_nothing_it_says_so(client: Client) -> None:
    assert "No open incidents" in client.get("/incidents").content.decode()
    for state, said in {
        "investigating": "No acknowledged",
        "resolved": "No resolved incident",
        "all": "No incident",
    }.items():
        assert said in client.get(f"/incidents?state={state}").content.decode()


def test_the_list_is_narrowed_by_its_address(client: Client, org: Org, developer: User) -> None:
    shop = make_service(org, "shop").environments.get(name="staging")
    make_incident(org, "Alpha", severity="high")
    beta = make_incident(org, "Beta", environment=shop, description="disk full")
    resolve_incident(actor=None, incident=make_incident(org, "Gamma"))
    Incident.objects.filter(pk=beta.pk).update(assignee=developer)

    def shown(query: str) -> set[str]:
        return {row.title for row in client.get(f"/incidents?{query}").context["page"].rows}

    assert shown("") == {"Alpha", "Beta"}
    assert shown("state=resolved") == {"Gamma"}
    assert "Choose Gamma" not in client.get("/incidents?state=resolved").content.decode()  # nothing to do with it
    assert shown("state=all") == {"Alpha", "Beta", "Gamma"}
    assert shown(f"service={shop.service_id}") == {"Beta"}
    assert shown("environment=staging") == {"Beta"}
    assert shown("severity=high") == {"Alpha"}
    assert shown("source=alert") == set()
    assert shown("q=DISK") == {"Beta"}
    assert shown("mine=1") == {"Beta"}
    assert shown("state=x&service=x&severity=x&source=x&before=x&q=%00") == {"Alpha", "Beta"}
    counts = {tab["label"]: tab["count"] for tab in client.get("/incidents").context["tabs"]}
    assert counts == {"Active": 2, "Open": 2, "Acknowledged": 0, "Resolved": 1, "All": 3}


def test_opening_one_by_hand(client: Client, org: Org) -> None:
    environment = make_service(org, "api").environments.get(name="production")
    bad = client.post("/incidents/new", {"title": "", "severity": "huge"})
    assert bad.status_code == 422
    values = {"title": "It burns", "environment": environment.pk, "severity": "high", "description": "since noon"}
    page = client.post("/incidents/new", values, follow=True).content.decode()
    assert "It burns" in page
    assert "since noon" in page


def test_another_organisations_environment_is_not_a_choice(client: Client, outsider: User) -> None:
    theirs = outsider.memberships.get().org.services.get().environments.first()  # type: ignore[attr-defined]
    values = {"title": "x", "environment": theirs.pk, "severity": "high"}
    assert client.post("/incidents/new", values).status_code == 422


def test_a_life_by_its_buttons(client: Client, org: Org, developer: User) -> None:
    incident = make_incident(org)
    address = f"/incidents/{incident.pk}"
    assert "Acknowledge" in client.get(address).content.decode()
    client.post(f"{address}/acknowledge")
    client.post(f"{address}/resolve")
    assert "Reopen it first" in client.post(f"{address}/acknowledge", follow=True).content.decode()
    client.post(f"{address}/reopen")
    client.post(f"{address}/severity", {"severity": "high"})
    client.post(f"{address}/severity", {"severity": "huge"})
    client.post(f"{address}/assignee", {"assignee": ""})
    client.post(f"{address}/edit", {"title": "Renamed", "description": "d"})
    incident.refresh_from_db()
    assert (incident.status, incident.severity, incident.assignee, incident.title) == ("open", "high", None, "Renamed")
    page = client.get(address).content.decode()
    for words in ("Acknowledged", "Severity raised", "Assignee removed", "Changed the title"):
        assert words in page


def test_only_members_can_be_assigned(client: Client, org: Org, outsider: User, admin: User) -> None:
    incident = make_incident(org)
    said = client.post(f"/incidents/{incident.pk}/assignee", {"assignee": outsider.pk}, follow=True).content.decode()
    assert "Only members" in said
    client.post(f"/incidents/{incident.pk}/assignee", {"assignee": admin.pk})
    incident.refresh_from_db()
    assert incident.assignee == admin


def test_notes_with_their_time(client: Client, org: Org) -> None:
    incident = make_incident(org)
    address = f"/incidents/{incident.pk}/notes"
    client.post(address, {"text": "<b>found it</b>", "happened_at": "2026-01-02T03:04"})
    note = incident.events.get(type="note")
    assert note.happened_at is not None
    page = client.get(f"/incidents/{incident.pk}").content.decode()
    assert "&lt;b&gt;found it" in page
    assert "2026-01-02 03:04:00" in page
    assert "Happened at (UTC), if not now" in page
    for bad in ({"text": ""}, {"text": "x", "happened_at": "9999-01-01T00:00"}, {"text": "x", "happened_at": "noon"}):
        assert client.post(address, bad).status_code == 422
    assert incident.events.filter(type="note").count() == 1


def test_many_at_once(client: Client, org: Org, outsider: User) -> None:
    mine = [make_incident(org) for _ in range(3)]
    foreign = make_incident(outsider.memberships.get().org)  # type: ignore[attr-defined]
    chosen = [str(each.pk) for each in [*mine, foreign]] + ["x", "9" * 30]
    answer = client.post("/incidents/bulk", {"incident": chosen, "move": "resolve", "next": "/incidents?state=all"})
    assert answer["Location"] == "/incidents?state=all"
    assert set(Incident.objects.filter(status="resolved")) == set(mine)
    page = client.post("/incidents/bulk", {"incident": chosen, "move": "acknowledge"}, follow=True)
    assert "3 resolved incidents would have to be reopened" in str(page.content)


def test_many_at_once_needs_a_choice(client: Client, org: Org) -> None:
    make_incident(org)
    page = client.post("/incidents/bulk", {"move": "resolve"}, follow=True).content.decode()
    assert "Choose the incidents first." in page
    assert Incident.objects.get().status == "open"


def test_the_filters_that_are_on_are_counted(client: Client, org: Org) -> None:
    make_incident(org)
    page = client.get("/incidents?severity=med&mine=1&q=x").content.decode()
    assert 'Filters <span class="tabs__count">2</span>' in page


def test_without_a_service_there_is_nothing_to_open_an_incident_for(client: Client) -> None:
    page = client.get("/incidents/new").content.decode()
    assert "Create a service first." in page
    assert "<select" not in page


def test_each_change_says_that_it_was_made(client: Client, org: Org, developer: User) -> None:
    incident = make_incident(org)
    for action, values, said in (
        ("severity", {"severity": "high"}, "The severity is high."),
        ("assignee", {"assignee": str(developer.pk)}, f"Assigned to {developer.display_name}."),
        ("notes", {"text": "Found it"}, "The note is in the timeline."),
        ("edit", {"title": "Renamed"}, "Saved."),
    ):
        assert said in client.post(f"/incidents/{incident.pk}/{action}", values, follow=True).content.decode()


def test_the_timeline_counts_repeated_detections_in_their_place(client: Client, org: Org) -> None:
    incident = make_incident(org)
    acknowledge_incident(actor=None, incident=incident)
    resolve_incident(actor=None, incident=incident)
    created, taken_up, _ = incident.events.order_by("pk")
    Incident.objects.update(detections=1200, last_seen_at=taken_up.created_at - timedelta(microseconds=1))
    words = client.get(f"/incidents/{incident.pk}").content.decode().partition('class="timeline"')[2]
    assert words.index("Resolved.") < words.index("Acknowledged.") < words.index("Detected 1,200 times")
    assert words.index("Detected 1,200 times") < words.index(f"event-{created.pk}")


def test_long_lists_are_folded(client: Client, org: Org) -> None:
    make_channel(org, "https://hooks.slack.com/services/x")
    incident = make_incident(org, description="See https://wiki.example/runbook.")
    for number in range(22):
        add_note(actor=None, incident=incident, text=f"Note {number:02}")
    page = client.get(f"/incidents/{incident.pk}").content.decode()
    assert "earlier entries" not in page  # three more are no reason to fold
    add_note(actor=None, incident=incident, text="Note 22")
    page = client.get(f"/incidents/{incident.pk}").content.decode()
    shown, _, folded = page.partition("4 earlier entries")
    assert "Note 03" in shown
    assert "Note 02" in folded
    assert '<a href="https://wiki.example/runbook" rel="nofollow">' in page
    assert 'title="Slack hooks.slack.com' in page  # a channel without a name is not a deleted one
    assert "Waiting" in page


def test_deployments_around_it_are_those_before_and_meanwhile(client: Client, org: Org) -> None:
    incident = make_incident(org)
    for minutes in (-90, -10, 0, 10, 50):
        at = incident.created_at + timedelta(minutes=minutes)
        Deployment.objects.create(
            org=org, service=incident.service, environment=incident.environment, status="success", created_at=at,
            commit_sha=f"{minutes + 100:07}", commit_message=f"Version {minutes}", finished_at=at,
        )  # fmt: skip
    resolve_incident(actor=None, incident=incident, at=incident.created_at + timedelta(minutes=30))
    page = client.get(f"/incidents/{incident.pk}")
    assert [each.title for each in page.context["deployments"]] == ["Version -10", "Version 0", "Version 10"]
    assert "10 min before</time> the start" in page.content.decode()
    assert "10 min after</time> the start" in page.content.decode()
    assert "at the start" in page.content.decode()


def test_without_logs_and_channels_it_says_so(client: Client, org: Org) -> None:
    page = client.get(f"/incidents/{make_incident(org).pk}").content.decode()
    assert "There are no error logs around its start." in page
    assert "No notification was sent." in page


def test_viewers_read_and_change_nothing(viewer: User, client_for: ClientFor, org: Org) -> None:
    incident = make_incident(org)
    client = client_for(viewer)
    page = client.get(f"/incidents/{incident.pk}").content.decode()
    assert "/acknowledge" not in page
    assert "Add note" not in page
    for action in ("acknowledge", "resolve", "reopen", "notes", "severity", "assignee", "edit", "post-mortem"):
        assert client.post(f"/incidents/{incident.pk}/{action}").status_code == 403
    assert client.post("/incidents/bulk").status_code == 403


@pytest.mark.django_db(transaction=True)  # within one, each statement that is read beside others is a query
def test_the_page_of_one_that_a_rule_opened(
    client: Client, org: Org, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    production = make_service(org, "api").environments.get(name="production")
    make_channel(org, "https://hooks.slack.com/services/x", name="#on-call")
    rule = make_rule(org, name="Many errors", params={"query": "boom"})
    now = timezone.now()
    make_deployment(production, minutes_before=9, now=now)
    receive(production, 4, now, message="<i>boom</i>")
    evaluate(now=now)
    incident = Incident.objects.get()
    with django_assert_max_num_queries(12):
        page = client.get(f"/incidents/{incident.pk}").content.decode()
    for words in ("4 error logs in 5 min", "Break it", "#on-call", rule.name, "threshold 3", "match “boom”"):
        assert words in page
    assert "&lt;i&gt;boom" in page
    assert "<i>boom" not in page


def test_old_ones_go_with_their_timelines(org: Org) -> None:
    old, live, recent = (make_incident(org) for _ in range(3))
    for incident in (old, recent):
        resolve_incident(actor=None, incident=incident)
    Incident.objects.filter(pk__in=[old.pk, live.pk]).update(created_at=timezone.now() - timedelta(days=500))
    Incident.objects.filter(pk=old.pk).update(resolved_at=timezone.now() - timedelta(days=366))
    assert trim_incidents() == {"deleted": 1}
    assert set(Incident.objects.all()) == {live, recent}


def test_a_note_goes_to_the_channels_if_it_is_meant_to(org: Org, developer: User, client_for: ClientFor) -> None:
    make_channel(org, "https://hooks.slack.com/services/T/B/x")
    incident = make_incident(org)
    client = client_for(developer)
    address = f"/incidents/{incident.pk}/notes"
    client.post(address, {"text": "Looking at <it>"})
    assert not Job.objects.filter(type="incident.note").exists()
    page = client.post(address, {"text": "The provider is down", "is_sent": "on"}, follow=True).text
    assert "on its way to the channels" in page
    assert "sent to the channels" in page
    (job,) = Job.objects.filter(type="incident.note")
    notice = notice_of(job)
    assert (notice.headline, notice.text) == ("Note · medium", "The provider is down")
    assert [(fact.name, fact.text) for fact in notice.facts] == [("By", developer.display_name)]


def test_a_storm_is_one_row_of_the_list(org: Org, client: Client) -> None:
    rule = make_rule(org, name="Errors pile up")
    now = timezone.now()
    for number in range(6):
        place = make_service(org).environments.get(name="production")
        values = {"rule_id": rule.pk, "fingerprint": str(number), "source": "alert", "environment": place}
        make_incident(org, f"Storm {number}", at=now - timedelta(seconds=number), **values)
    make_incident(
        org, "Storm of yesterday", rule_id=rule.pk, fingerprint="y", source="alert", at=now - timedelta(days=1)
    )
    page = client.get("/incidents").text
    assert page.count('class="row-link"') == 2
    assert "and 5 more of its rule within a minute" in page
    assert all(f"Storm {number}" in page for number in range(6))
    assert page.count('name="incident"') == 7
