"""Alert rules on their pages: in words, in the editor, tried on the past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.audit.descriptions import details
from accounts.models import AuditLog, Org, User
from alerts.describe import in_words
from alerts.evaluate import evaluate
from alerts.models import AlertFiring, AlertRule
from alerts.queries import rule_summaries
from alerts.tasks import trim_firings
from incidents.models import Incident
from services.models import Environment
from tests.support.alerting import make_channel, make_incident, make_rule, receive
from tests.support.factories import make_org, make_service

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User], Client]


@pytest.fixture
def client(admin: User, client_for: ClientFor) -> Client:
    return client_for(admin)


@pytest.fixture
def production(org: Org) -> Environment:
    return make_service(org, "api").environments.get(name="production")


def given(**values: Any) -> dict[str, Any]:
    """What the editor sends."""
    fields = {
        "name": "Many errors", "type": "error_count", "threshold": 3, "window_minutes": 5, "level": "error",
        "query": "", "for_minutes": 0, "recovery_minutes": 5, "cooldown_seconds": 300, "severity": "high",
        "enabled": "on", "service": "", "environment": "",
    }  # fmt: skip
    return {**fields, **values}


def test_with_nothing_it_says_what_to_do(client: Client, viewer: User, client_for: ClientFor) -> None:
    assert "Create the first rule" in client.get("/alerts").content.decode()
    assert "Create the first rule" not in client_for(viewer).get("/alerts").content.decode()


def test_making_a_rule(client: Client, org: Org, production: Environment) -> None:
    page = client.post("/alerts/new", given(service=production.service_id, environment=production.pk), follow=True)
    assert "At least 3 error logs within 5 min in api / production." in page.content.decode()
    rule = AlertRule.objects.get()
    assert rule.params_json == {
        "threshold": 3, "window_minutes": 5, "level": "error", "query": "", "for_minutes": 0, "recovery_minutes": 5,
    }  # fmt: skip
    assert AuditLog.objects.for_org(org).get(action="rule.created").resource_id == str(rule.pk)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"window_minutes": "abc"}, "Enter a whole number"),
        ({"window_minutes": 0}, "greater than or equal to 1"),
        ({"cooldown_seconds": -1}, "greater than or equal to 0"),
        ({"threshold": 10**9}, "less than or equal to"),
        ({"level": "loud"}, "not one of the available choices"),
        ({"type": "latency"}, "not one of the available choices"),
        ({"query": "level:loud"}, "level"),
        ({"query": "("}, "bracket"),
        ({"name": ""}, "required"),
    ],
)
def test_bad_values_are_reported_beside_their_field(client: Client, values: dict[str, Any], said: str) -> None:
    answer = client.post("/alerts/new", given(**values))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert AlertRule.objects.count() == 0


def test_scopes_that_do_not_fit(client: Client, org: Org, production: Environment) -> None:
    other = make_service(org, "web")
    foreign = make_service(make_org(), "theirs")
    wrong = client.post("/alerts/new", given(service=other.pk, environment=production.pk))
    assert "not an environment of web" in wrong.content.decode()
    for values in ({"service": foreign.pk}, {"environment": foreign.environments.get(name="staging").pk}):
        assert client.post("/alerts/new", given(**values)).status_code == 422


def test_trying_shows_what_would_have_been_and_saves_nothing(client: Client, production: Environment) -> None:
    receive(production, 5, timezone.now() - timedelta(hours=2))
    tried = client.post("/alerts/new", given(**{"try": "24h"})).content.decode()
    assert "fired <strong>1 time</strong>" in tried
    fragment = client.post("/alerts/try", given()).content.decode()
    assert "opened <strong>1 incident</strong>" in fragment
    assert "<html" not in fragment
    nameless = client.post("/alerts/try", given(name="")).content.decode()
    assert "opened <strong>1 incident</strong>" in nameless  # what it is called changes nothing
    wrong = client.post("/alerts/try", given(threshold="x", query="payment (timeout")).content.decode()
    assert "when the rule is complete" in wrong
    assert "At least: Enter a whole number. Filter: " in wrong
    assert AlertRule.objects.count() == 0


def test_editing(client: Client, org: Org) -> None:
    rule = make_rule(org, params={"threshold": "7", "windowMinutes": "9", "window_minutes": None})
    page = client.get(f"/alerts/{rule.pk}/edit").content.decode()
    assert 'value="7"' in page
    assert 'value="9"' in page
    client.post(f"/alerts/{rule.pk}/edit", given(name="Renamed", threshold=8))
    rule.refresh_from_db()
    assert (rule.name, rule.params_json["threshold"]) == ("Renamed", 8)
    row = AuditLog.objects.get(action="rule.changed")
    assert row.meta_json["changes"] == {
        "name": ["Errors", "Renamed"], "threshold": ["7", 8], "window_minutes": [None, 5], "for_minutes": [None, 0],
        "recovery_minutes": [0, 5], "level": [None, "error"], "query": [None, ""], "windowMinutes": ["9", None],
    }  # fmt: skip
    assert "threshold: 7 → 8" in details(row.meta_json)


def test_the_list_shows_the_week_and_who_is_notified(
    client: Client, org: Org, production: Environment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rule = make_rule(org, name="Loud")
    make_rule(org, name="Quiet", severity="low")
    now = timezone.now()
    for days in (0.5, 3, 8):
        incident = make_incident(org, environment=production, rule_id=rule.pk)
        Incident.objects.filter(pk=incident.pk).update(created_at=now - timedelta(days=days))
    make_channel(org, "https://hooks.slack.com/x", name="#on-call", routing_json={"severities": ["high"]})
    page = client.get("/alerts")
    loud, quiet = page.context["rules"]
    assert (loud.opened_count, quiet.opened_count) == (2, 0)
    assert [number for number, each in enumerate(loud.opened) if each.total] == [15, 25]  # of 28 six hours
    assert (loud.channels, quiet.channels) == (["#on-call"], [])
    assert ">no channel</span>" in page.content.decode()
    with django_assert_num_queries(3):
        rule_summaries(org)


def test_a_broken_rule_is_shown_with_its_problem_and_can_be_fixed(client: Client, org: Org) -> None:
    rule = make_rule(org)
    AlertRule.objects.update(params_json={"windowMinutes": "abc"})
    evaluate()
    assert "Broken" in client.get("/alerts").content.decode()
    page = client.get(f"/alerts/{rule.pk}").content.decode()
    assert "This rule is skipped." in page
    assert "&#x27;abc&#x27; is not a whole number" in page
    client.post(f"/alerts/{rule.pk}/edit", given())
    rule.refresh_from_db()
    assert rule.problem is None


def test_the_page_of_a_rule(
    client: Client, viewer: User, client_for: ClientFor, org: Org, production: Environment
) -> None:
    rule = make_rule(org)
    receive(production, 4, timezone.now())
    evaluate()
    for reader in (client, client_for(viewer)):
        page = reader.get(f"/alerts/{rule.pk}").content.decode()
        assert "fired <strong>1 time</strong>" in page
        assert "<strong>api / production</strong>" in page
        assert "Firing" in page
        assert "Going on" in page
        assert f"#{Incident.objects.get().pk}" in page
    assert "Delete rule" not in page
    for odd in ("period=7d", "period=99y"):
        assert client.get(f"/alerts/{rule.pk}?{odd}").status_code == 200
    assert "<html" not in client.get(f"/alerts/{rule.pk}", headers={"HX-Request": "true"}).content.decode()


def test_switching_off_lets_go_of_what_goes_on(client: Client, org: Org, production: Environment) -> None:
    rule = make_rule(org)
    receive(production, 4, timezone.now())
    evaluate()
    client.post(f"/alerts/{rule.pk}/switch", {"enabled": "false", "from": "list"})
    assert not AlertFiring.objects.going_on().exists()
    incident = Incident.objects.get()
    assert incident.is_live
    assert "no longer resolved automatically" in incident.events.get(type="note").message
    client.post(f"/alerts/{rule.pk}/switch", {"enabled": "true"})
    rule.refresh_from_db()
    assert rule.enabled


def test_muting(client: Client, org: Org) -> None:
    rule = make_rule(org)
    client.post(f"/alerts/{rule.pk}/mute", {"length": "8h"})
    rule.refresh_from_db()
    assert rule.muted_until is not None
    assert "Muted" in client.get("/alerts").content.decode()
    client.post(f"/alerts/{rule.pk}/mute", {"length": "for ever"})
    rule.refresh_from_db()
    assert rule.muted_until is None


def test_deleting_keeps_the_incidents(client: Client, org: Org, production: Environment) -> None:
    rule = make_rule(org)
    receive(production, 4, timezone.now())
    evaluate()
    client.post(f"/alerts/{rule.pk}/delete")
    assert (AlertRule.objects.count(), AlertFiring.objects.count(), Incident.objects.count()) == (0, 0, 1)
    assert "The rule was deleted" in client.get(f"/incidents/{Incident.objects.get().pk}").content.decode()


def test_developers_and_viewers_change_nothing(developer: User, viewer: User, client_for: ClientFor, org: Org) -> None:
    rule = make_rule(org)
    for user in (developer, viewer):
        client = client_for(user)
        for address in ("new", "try", f"{rule.pk}/edit", f"{rule.pk}/switch", f"{rule.pk}/delete"):
            assert client.post(f"/alerts/{address}").status_code == 403, address
    assert client_for(viewer).post(f"/alerts/{rule.pk}/mute").status_code == 403  # developers may, for a day


def test_rules_in_words(org: Org, production: Environment) -> None:
    said = in_words(make_rule(org, params={"threshold": 1, "level": "", "query": "<b>", "for_minutes": 2}))
    assert said == (
        "At least 1 log that match “<b>” within 5 min in any service and environment, each on its own, for 2 min."
    )
    failed = make_rule(org, type="deployment_failure", service=production.service)
    assert in_words(failed) == "The last deployment has failed in any environment of api."


def test_queries_do_not_grow(client: Client, org: Org, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(20):
        make_rule(org, name=f"<script>{number}", service=make_service(org))
    with django_assert_max_num_queries(12):
        assert "<script>1" not in client.get("/alerts").content.decode()


def test_old_firings_go(org: Org) -> None:
    rule = make_rule(org)
    now = timezone.now()
    for days, mark in ((91, "old"), (89, "new")):
        AlertFiring.objects.create(rule=rule, fired_at=now, fingerprint=mark, resolved_at=now - timedelta(days=days))
    AlertFiring.objects.create(rule=rule, fired_at=now - timedelta(days=400), fingerprint="going on")
    assert trim_firings() == {"deleted": 1}
