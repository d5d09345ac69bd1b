"""GET /deployments and /deployments/<id>: lanes, filters, paging, one deployment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Org, User
from deployments.models import Deployment
from deployments.queries import (
    LANE_LENGTH,
    PAGE_LENGTH,
    deployments_between,
    ended_between,
    failures_in_a_row,
    next_deployment,
)
from incidents.models import Incident
from pulseops.core.extensions import TIMELINE_MARKS
from services.models import Environment
from tests.support.alerting import make_incident
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def production(org: Org) -> Environment:
    return make_service(org, "checkout").environments.select_related("service__org").get(name="production")


def deploy(environment: Environment, sha: str = "9c1f0b7e52d8", **fields: Any) -> Deployment:
    service = environment.service
    given = {"status": "success", "created_at": timezone.now(), **fields}
    return Deployment.objects.create(org=service.org, service=service, environment=environment, commit_sha=sha, **given)


def text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_without_services_it_says_what_to_do(viewer: User, client_for: SignIn) -> None:
    assert "Create a service first" in text(client_for(viewer).get("/deployments"))


def test_without_deployments_it_leads_to_connecting(production: Environment, viewer: User, client_for: SignIn) -> None:
    page = text(client_for(viewer).get("/deployments"))
    assert "No deployment yet" in page
    assert "/deployments/connect" in page


def test_a_lane_for_each_environment(production: Environment, viewer: User, client_for: SignIn) -> None:
    staging = production.service.environments.get(name="staging")
    deploy(production, commit_message="Retry <once>\n\nbecause", author="Ada", branch="main")
    deploy(staging, status="failure", outcome="timed_out")
    page = text(client_for(viewer).get("/deployments"))
    assert page.index('aria-label="production"') < page.index('aria-label="staging"')
    assert "Retry &lt;once&gt;" in page
    assert "Timed out" in page


def test_a_long_lane_leads_to_its_own_page(production: Environment, viewer: User, client_for: SignIn) -> None:
    start = datetime(2026, 3, 17, tzinfo=UTC)
    made = [
        deploy(production, f"{n:040d}", created_at=start + timedelta(seconds=n // 2)) for n in range(PAGE_LENGTH * 2)
    ]
    client = client_for(viewer)
    page = client.get("/deployments")
    assert len(page.context["lanes"][0].cards) == LANE_LENGTH
    address, seen = page.context["lanes"][0].more_url, []
    while address:
        page = client.get(address)
        seen += [card.deployment.pk for card in page.context["lanes"][0].cards]
        address = page.context["older_url"]
    assert seen == [each.pk for each in reversed(made)]


def test_filters(production: Environment, org: Org, viewer: User, client_for: SignIn) -> None:
    deploy(production, "a" * 40)
    deploy(make_service(org, "web").environments.get(name="production"), "b" * 40, status="failure")
    client = client_for(viewer)

    def shas(**query: str) -> set[str]:
        response = client.get("/deployments", query)
        return {card.deployment.commit_sha[0] for lane in response.context["lanes"] for card in lane.cards}

    assert shas() == {"a", "b"}
    assert shas(service=str(production.service_id)) == {"a"}
    assert shas(status="failure") == {"b"}
    assert shas(environment="production", status="success") == {"a"}
    assert shas(environment="nowhere") == set()
    assert shas(service="nonsense", status="x", before="y") == {"a", "b"}


def test_queries_do_not_grow_with_rows(
    production: Environment, viewer: User, client_for: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(viewer)
    for number in range(30):
        deploy(production, f"{number:040d}")
    with django_assert_max_num_queries(12):
        client.get("/deployments")


def test_one_deployment(production: Environment, viewer: User, client_for: SignIn) -> None:
    began = timezone.now() - timedelta(hours=2)
    before = deploy(production, "b" * 40, created_at=began - timedelta(days=1), commit_message="Older")
    deployment = deploy(
        production,
        created_at=began,
        started_at=began,
        finished_at=began + timedelta(seconds=185),
        commit_message="Retry once",
        url="https://ci.example/42",
    )
    page = text(client_for(viewer).get(f"/deployments/{deployment.pk}"))
    for part in ("Retry once", "3 min 05 s", "https://ci.example/42", f"/deployments/{before.pk}"):
        assert part in page


def test_a_deployment_of_an_older_installation_without_a_commit(
    production: Environment, viewer: User, client_for: SignIn
) -> None:
    deployment = deploy(production, "", status="pending", outcome="in_progress")
    client = client_for(viewer)
    assert "Commit unknown" in text(client.get("/deployments"))
    assert "In progress" in text(client.get(f"/deployments/{deployment.pk}"))


def test_another_organisation_sees_nothing(production: Environment, outsider: User, client_for: SignIn) -> None:
    deployment = deploy(production)
    client = client_for(outsider)
    assert client.get(f"/deployments/{deployment.pk}").status_code == 404
    assert deployment.short_sha not in text(client.get("/deployments"))
    assert client.get("/deployments", {"service": str(production.service_id)}).context["filters"].service is None


def test_how_to_report(production: Environment, viewer: User, admin: User, client_for: SignIn) -> None:
    seen = text(client_for(viewer).get("/deployments/connect"))
    assert "http://localhost:8000/api/v1/deployments" in seen
    assert "/github" not in seen
    assert f"/services/{production.service_id}/github" in text(client_for(admin).get("/deployments/connect"))


def test_deployments_of_a_time(production: Environment, org: Org) -> None:
    now = timezone.now()
    late = deploy(production, "a" * 40, created_at=now - timedelta(hours=3), finished_at=now - timedelta(minutes=50))
    deploy(production, "b" * 40, created_at=now - timedelta(minutes=90))
    recent = deploy(production, "c" * 40, created_at=now - timedelta(minutes=5))
    deploy(production, "d" * 40, created_at=now - timedelta(minutes=4), status="failure", outcome="cancelled")
    deploy(make_service(org).environments.get(name="production"), "e" * 40, created_at=now - timedelta(minutes=1))
    since = now - timedelta(hours=1)
    assert list(deployments_between(org, since, now, services=[production.service_id])) == [late, recent]
    assert len(deployments_between(org, since, now, environments=[production.pk])) == 2
    assert len(deployments_between(org, since, now)) == 3


def test_failures_go_by_when_the_news_came(production: Environment, org: Org) -> None:
    now = timezone.now()
    deploy(production, "a" * 40, status="failure", created_at=now - timedelta(days=2))
    deploy(production, "b" * 40, status="failure", status_changed_at=now - timedelta(hours=1))
    deploy(production, "c" * 40, status="failure", outcome="cancelled")
    since = now - timedelta(minutes=1)
    assert [(place, failed) for place, _, failed in ended_between(org.pk, since, timezone.now())] == [
        (production.pk, True)
    ]
    assert failures_in_a_row(org.pk, timezone.now(), seconds=9)[production.pk].count == 2
    deploy(production, "d" * 40)
    assert failures_in_a_row(org.pk, timezone.now(), seconds=9) == {}


def test_what_followed(production: Environment) -> None:
    now = timezone.now()
    first = deploy(production, "a" * 40, created_at=now - timedelta(hours=3))
    second = deploy(production, "b" * 40, created_at=now - timedelta(hours=2))
    assert next_deployment(first) == second
    assert next_deployment(second) is None


def test_marks_for_other_timelines(production: Environment, org: Org) -> None:
    now = timezone.now()
    deployment = deploy(production, created_at=now - timedelta(minutes=5), commit_message="x")
    since, until = now - timedelta(hours=1), now
    marks = [mark for ask in TIMELINE_MARKS for mark in ask(org, [production.service_id], [], since, until)]
    mine = [mark for mark in marks if mark.kind == "deployment"]
    assert [(mark.label, mark.url, mark.at) for mark in mine] == [
        ("checkout 9c1f0b7 to production: success", f"/deployments/{deployment.pk}", deployment.created_at)
    ]


def test_what_goes_back_says_so(production: Environment, viewer: User, client_for: SignIn) -> None:
    hour = timezone.now() - timedelta(hours=1)
    first, second, *others, back, revert = [
        deploy(production, sha * 8, created_at=hour + timedelta(minutes=number), commit_message=words)
        for number, (sha, words) in enumerate(
            [
                ("aaaaa", "One"),
                ("bbbbb", "Two"),
                ("bbbbb", "Two once more"),
                ("aaaaa", "One"),
                ("ccccc", 'Revert "Two"'),
            ]
        )
    ]
    client = client_for(viewer)
    assert text(client.get("/deployments")).count(">Rollback<") == 1
    pages = {each.pk: text(client.get(f"/deployments/{each.pk}")) for each in (first, second, *others, back, revert)}
    assert [pk for pk, page in pages.items() if ">Rollback<" in page] == [back.pk]
    assert [pk for pk, page in pages.items() if ">Revert<" in page] == [revert.pk]


def test_incidents_after_a_deployment_are_on_its_page(
    production: Environment, viewer: User, client_for: SignIn
) -> None:
    live_at = timezone.now() - timedelta(hours=2)
    deployment = deploy(production, created_at=live_at)
    incidents = {
        minutes: make_incident(production.service.org, f"After {minutes} min", environment=production)
        for minutes in (-1, 5, 61)
    }
    for minutes, incident in incidents.items():
        Incident.objects.filter(pk=incident.pk).update(created_at=live_at + timedelta(minutes=minutes))
    page = text(client_for(viewer).get(f"/deployments/{deployment.pk}"))
    assert f"#{incidents[5].pk} After 5 min" in page
    assert ">5 min after</time>" in page
    assert "After -1 min" not in page
    assert "After 61 min" not in page
