"""GET /dashboard: what is wrong first, the services, the day, the pace; only the organisation's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Org, Role, Session, User
from alerts.models import AlertRule
from deployments.models import Deployment
from incidents.models import Incident
from logs.models import LogEntry
from logs.storage import rollup
from notifications.models import Channel
from pulseops.core.web.health import beat
from pulseops.dashboard.stats import stats_of
from services.models import Environment, Service
from services.volume import STEP, day_of_logs
from tests.support.factories import make_key, make_member, make_org, make_service

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
MOST_QUERIES = 12


def production(service: Service) -> Environment:
    return service.environments.select_related("service__org").get(name="production")


def log(environment: Environment, *, level: str = "info", at: datetime | None = None, count: int = 1) -> None:
    service = environment.service
    LogEntry.objects.bulk_create(
        LogEntry(
            org=service.org, service=service, environment=environment, ts=at or timezone.now(), level=level, message="x"
        )
        for _ in range(count)
    )
    rollup.repair(org_id=service.org_id)  # ingest would have counted them


def incident(environment: Environment, title: str = "It burns", **fields: Any) -> Incident:
    service = environment.service
    given = {"severity": "high", "status": "open", "source": "manual", **fields}
    return Incident.objects.create(org=service.org, service=service, environment=environment, title=title, **given)


def deploy(environment: Environment, **fields: Any) -> Deployment:
    service = environment.service
    given = {"status": "success", "commit_sha": "9c1f0b7e52d8", "commit_message": "Retry charges", **fields}
    return Deployment.objects.create(org=service.org, service=service, environment=environment, **given)


def fill(org: Org, name: str) -> Service:
    """Create a service with something of everything."""
    service = make_service(org, name)
    environment = production(service)
    make_key(environment)
    log(environment, level="error", count=3)
    log(environment, count=5)
    incident(environment, f"{name} burns")
    deploy(environment)
    Channel.objects.create(org=org, type="slack", config_json={"webhook_url": "https://hooks.slack.com/x"})
    AlertRule.objects.create(org=org, service=service, name=f"{name} rule", type="error_count", severity="high")
    return service


def page(client: Client) -> str:
    response = client.get("/dashboard")
    assert response.status_code == 200
    return str(response.content.decode())


def test_it_asks_for_a_session(client: Client) -> None:
    assert client.get("/dashboard").status_code == 302


def test_only_get(viewer: User, client_for: SignIn) -> None:
    assert client_for(viewer).post("/dashboard").status_code == 405


def test_it_shows_incidents_services_logs_and_deployments(org: Org, viewer: User, client_for: SignIn) -> None:
    fill(org, "checkout")
    html = page(client_for(viewer))
    assert html.index("1 open incident<") < html.index("checkout burns") < html.index("Latest deployments")
    assert "checkout, 24 hours: 3 errors among 8 logs" in html
    assert "Failing" in html
    assert "Retry charges" in html
    assert 'class="chart__marker"' in html


def test_the_latest_deployments_tell_what_they_did_to_the_errors(org: Org, viewer: User, client_for: SignIn) -> None:
    environment = production(make_service(org, "checkout"))
    at = timezone.now() - timedelta(hours=2)
    deploy(environment, created_at=at, finished_at=at)
    log(environment, level="error", at=at - timedelta(minutes=2), count=2)
    log(environment, level="error", at=at + timedelta(minutes=2), count=40)
    delta = page(client_for(viewer)).partition('class="delta tone-error')[2].partition("</span>")[0]
    assert "errors 2<" in delta
    assert delta.endswith(">40")


def test_nothing_of_another_organisation_is_in_it(org: Org, viewer: User, client_for: SignIn) -> None:
    make_service(org, "mine")
    fill(make_org("Strangers"), "theirs")
    html = page(client_for(viewer))
    assert "theirs" not in html
    assert "No open incidents." in html
    assert "0 errors among 0 logs" in html


@pytest.mark.django_db(transaction=True)  # within one, each statement that is read beside others is a query
@pytest.mark.parametrize("who", ["viewer", "admin"])
def test_few_queries_however_much_there_is(
    who: str, org: Org, client_for: SignIn, request: pytest.FixtureRequest
) -> None:
    client = client_for(request.getfixturevalue(who))
    beat("worker")
    beat("loop")
    queries = []
    for number in range(4):
        for _ in range(number):
            fill(org, f"service-{Service.objects.count()}")
        Session.objects.update(last_seen_at=None)  # the page that notes it, once a minute, counts too
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page(client)
        queries.append(len(captured))
    assert len(set(queries[1:])) == 1
    assert max(queries) <= MOST_QUERIES


def test_the_worst_incident_and_its_service_come_first(org: Org, viewer: User, client_for: SignIn) -> None:
    calm, slow, broken = (make_service(org, name) for name in ("a-calm", "b-slow", "c-broken"))
    for service in (calm, slow, broken):
        log(production(service))
    incident(production(slow), "A little late", severity="low", created_at=timezone.now() - timedelta(hours=3))
    incident(production(broken), "All gone")
    html = page(client_for(viewer))
    assert html.index("All gone") < html.index("A little late")
    assert html.index(">c-broken</a>") < html.index(">b-slow</a>") < html.index(">a-calm</a>")
    assert [word in html for word in ("Failing", "Degraded", "Healthy")] == [True, True, True]


def test_more_incidents_than_fit_are_counted(org: Org, viewer: User, client_for: SignIn) -> None:
    environment = production(make_service(org))
    for number in range(9):
        incident(environment, f"Trouble {number}")
    html = page(client_for(viewer))
    assert "9 open incidents" in html
    assert "3 more" in html


def test_a_service_without_logs_for_an_hour_is_silent(org: Org, viewer: User, client_for: SignIn) -> None:
    environment = production(make_service(org))
    make_key(environment)
    log(environment, at=timezone.now() - timedelta(hours=5))
    assert "Silent" in page(client_for(viewer))


def test_the_bars_hold_every_log_of_the_day_and_none_else(org: Org) -> None:
    environment, now = production(make_service(org)), timezone.now()
    log(environment, at=now - timedelta(hours=25))
    log(environment, at=now - timedelta(hours=3), level="error", count=2)
    log(environment, at=now, count=3)
    volume = day_of_logs(org, now)
    bars = volume.chart_buckets()
    assert (len(bars), sum(bar.total for bar in bars)) == (96, 5)
    assert bars[0].start == volume.since
    assert bars[-1].end >= now
    assert all(bar.end - bar.start == STEP for bar in bars)
    spark = volume.spark_buckets(environment.service_id)
    assert [sum(bar.counts[tone] for bar in spark) for tone in ("error", "info")] == [2, 3]


def test_the_pace_is_that_of_thirty_days_against_those_before(org: Org) -> None:
    environment, now = production(make_service(org)), timezone.now()
    for days, minutes in ((2, 10), (3, 20), (40, 60), (70, 999)):
        at = now - timedelta(days=days)
        taken_up, ended = at + timedelta(minutes=minutes / 5), at + timedelta(minutes=minutes)
        incident(environment, status="resolved", created_at=at, investigating_at=taken_up, resolved_at=ended)
    incident(environment, created_at=now - timedelta(days=1))
    stats = stats_of(org, now)
    assert (stats.acknowledge.now, stats.resolve.now) == (timedelta(minutes=3), timedelta(minutes=15))
    assert stats.resolve.before == timedelta(minutes=60)
    assert (stats.resolve.note, stats.resolve.tone) == ("45 min quicker than before", "ok")


def test_a_new_organisation_is_led_step_by_step(org: Org, admin: User, client_for: SignIn) -> None:
    client = client_for(admin)
    assert "0 of 5 done" in page(client)
    service = make_service(org)
    assert "No logs in the last 24 hours." in client_for(admin).get("/dashboard").text
    html = page(client)
    assert "1 of 6 done" in html
    assert f"/services/{service.pk}/keys/new" in html
    make_key(production(service))
    assert "1 of 5 done" in page(client)
    log(production(service))
    assert "2 of 5 done" in page(client)
    AlertRule.objects.create(org=org, name="r", type="error_count", severity="high")
    assert "3 of 5 done" in page(client)
    Channel.objects.create(
        org=org, type="slack", config_json={"webhook_url": "https://hooks.slack.com/x"}, last_sent_at=timezone.now()
    )
    assert "Test the channel" not in page(client)
    make_member(org, Role.VIEWER)
    assert "First steps" not in page(client)


def test_the_first_steps_are_those_of_the_readers_role(
    viewer: User, developer: User, client_for: SignIn, org: Org
) -> None:
    assert "First steps" not in page(client_for(viewer))
    assert "Nothing to watch yet" in page(client_for(viewer))
    html = page(client_for(developer))
    assert "New service" in html
    assert "New rule" not in html  # an admin's


def test_first_steps_are_put_away_by_each_for_themselves(
    org: Org, admin: User, developer: User, client_for: SignIn
) -> None:
    client = client_for(admin)
    make_member(other := make_org("Other"), Role.ADMIN, user=admin)
    assert "First steps" not in client.post("/dashboard/first-steps/hide", follow=True).text
    assert "First steps" in page(client_for(developer))
    admin.refresh_from_db()
    assert "First steps" in client.get(f"/dashboard?org={other.pk}", follow=True).text
    client.post("/dashboard/first-steps/hide")
    admin.refresh_from_db()
    assert set(admin.preferences["steps_put_away"].split()) == {str(org.pk), str(other.pk)}


def test_no_link_on_a_viewers_pages_is_a_dead_end(viewer: User, client_for: SignIn, org: Org) -> None:
    service = make_service(org)
    incident(production(service))
    client = client_for(viewer)
    seen: dict[str, str] = {"/dashboard": "the start"}
    waiting = [*seen]
    while waiting:
        address = waiting.pop()
        answer = client.get(address, follow=True)
        assert answer.status_code == 200, f"{address} on {seen[address]}: {answer.status_code}"
        is_page = answer["Content-Type"].startswith("text/html")
        found = re.findall(r'href="(/[^"#?]*)', answer.text) if is_page and not address.startswith("/docs") else []
        new = [each for each in found if each not in seen and not each.startswith(("/static", "/logs", "/login"))]
        seen |= dict.fromkeys(new, address)
        waiting += dict.fromkeys(new)
    assert len(seen) > 10


def test_an_old_organisation_that_has_logs_is_left_alone(org: Org, admin: User, client_for: SignIn) -> None:
    log(production(make_service(org)))
    Org.objects.filter(pk=org.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert "From nothing" not in page(client_for(admin))
