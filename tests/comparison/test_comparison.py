"""Before and after a deployment: counts on one scale, patterns, the verdict and its caveats."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from deployments.models import Deployment
from logs.models import LogEntry
from logs.storage.rollup import repair
from pulseops.comparison import panel
from pulseops.demo import deployments as demo
from pulseops.demo import logs as logs_demo
from pulseops.demo.story import DEMO_SERVICES
from services.models import Environment
from tests.support.factories import make_service

SignIn = Callable[[User], Client]


@pytest.fixture
def production(org: Org) -> Environment:
    service = make_service(org, "checkout", retention_days=30)
    return service.environments.select_related("service__org").get(name="production")


def log(
    environment: Environment, at: datetime, message: str = "payment failed", level: str = "error", count: int = 1
) -> None:
    """Write `count` lines, a second apart."""
    service = environment.service
    LogEntry.objects.bulk_create(
        LogEntry(
            org=service.org,
            service=service,
            environment=environment,
            ts=at + timedelta(seconds=second),
            level=level,
            message=message.replace("N", str(1000 + second)),
        )
        for second in range(count)
    )
    repair(org_id=service.org_id)  # ingest would have counted them


def deploy(environment: Environment, at: datetime, **fields: Any) -> Deployment:
    given = {"status": "success", "created_at": at - timedelta(minutes=4), "finished_at": at, **fields}
    service = environment.service
    return Deployment.objects.create(
        org=service.org, service=service, environment=environment, commit_sha="9c1f0b7e52d8", **given
    )


@pytest.fixture
def look(viewer: User, client_for: SignIn) -> Callable[..., dict[str, Any]]:
    """Open a deployment's page and give what its comparison shows."""

    def open_page(deployment: Deployment, **query: str) -> dict[str, Any]:
        response = client_for(viewer).get(f"/deployments/{deployment.pk}", query)
        assert response.status_code == 200
        (found,) = [each for each in response.context["panels"] if each.anchor == "comparison"]
        return dict(found.context)

    return open_page


def patterns(context: dict[str, Any], kind: str) -> list[tuple[str, int, int]]:
    return [(r.change.pattern, r.change.before, r.change.after) for r in context["rows"] if r.kind == kind]


@pytest.mark.django_db
def test_a_bad_deployment(production: Environment, look: Any) -> None:
    at = timezone.now() - timedelta(hours=3)
    log(production, at - timedelta(minutes=20), "cart N not found", count=4)
    log(production, at - timedelta(minutes=25), "old trouble", count=12)
    log(production, at - timedelta(minutes=28), "ok", "info", 200)
    log(production, at + timedelta(minutes=1), "payment provider timeout after N ms (order N)", count=180)
    log(production, at + timedelta(minutes=9), "cart N not found", count=40)
    log(production, at + timedelta(minutes=2), "ok", "info", 50)
    context = look(deploy(production, at))
    assert context["verdict"].tone == "error"
    assert context["verdict"].words == (
        "Errors rose from 0.5 a minute to 7.3 a minute (14 times as many), mostly “payment provider timeout after "
        "<n> ms (order <n>)”, which is new."
    )
    assert patterns(context, "new") == [("payment provider timeout after <n> ms (order <n>)", 0, 180)]
    assert patterns(context, "grown") == [("cart <n> not found", 4, 40)]
    assert patterns(context, "gone") == [("old trouble", 12, 0)]
    assert (context["before"].errors, context["after"].errors) == (16, 220)
    assert context["before_chart"].grid == context["after_chart"].grid  # one scale
    assert context["caveats"] == []


@pytest.mark.django_db
def test_a_good_one(production: Environment, look: Any) -> None:
    at = timezone.now() - timedelta(hours=3)
    log(production, at - timedelta(minutes=20), count=100)
    log(production, at - timedelta(minutes=20), "ok", "info", 100)
    log(production, at + timedelta(minutes=5), "ok", "info", 200)
    context = look(deploy(production, at))
    assert (context["verdict"].tone, context["verdict"].words) == ("ok", "Errors fell from 3.3 a minute to none.")


@pytest.mark.django_db
def test_few_errors_before_are_said_as_they_are(production: Environment, look: Any) -> None:
    at = timezone.now() - timedelta(hours=3)
    log(production, at - timedelta(minutes=20), count=1)
    log(production, at + timedelta(minutes=5), count=32)
    words = look(deploy(production, at))["verdict"].words
    assert words.startswith("Errors rose from 1 to 32 errors")
    assert "times as many" not in words


@pytest.mark.django_db
def test_few_rows_are_not_a_proof(production: Environment, look: Any) -> None:
    at = timezone.now() - timedelta(hours=3)
    log(production, at - timedelta(minutes=5), count=1)
    log(production, at + timedelta(minutes=5), count=4)
    context = look(deploy(production, at))
    assert context["verdict"].words == "No clear change: 1 error before, 4 after."
    assert context["caveats"][0] == ("Only 5 errors in both windows together: chance alone could explain a difference.")


@pytest.mark.django_db
def test_no_logs_at_all(production: Environment, look: Any) -> None:
    context = look(deploy(production, timezone.now() - timedelta(hours=3)))
    assert context["verdict"].words == "No logs before or after: nothing can be said."


@pytest.mark.django_db
def test_just_deployed(production: Environment, look: Any) -> None:
    now = timezone.now()
    log(production, now - timedelta(minutes=5), "ok", "info")
    context = look(deploy(production, now - timedelta(minutes=10)))
    assert context["caveats"][-1].startswith("Only 10 min")


@pytest.mark.django_db
def test_what_comes_after_the_next_deployment_is_that_ones(production: Environment, look: Any) -> None:
    at = timezone.now() - timedelta(hours=3)
    bad = deploy(production, at)
    good = deploy(production, at + timedelta(minutes=10))
    log(production, at + timedelta(minutes=2), count=60)
    log(production, at + timedelta(minutes=12), "ok", "info", 60)
    assert look(bad)["after"].errors == 60
    assert "Another deployment followed after 10 min; what came then counts for that one." in look(bad)["caveats"]
    assert look(good)["verdict"].tone == "ok"
    assert len(look(bad)["after_chart"].markers) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(("window", "errors"), [("15m", 0), ("30m", 5), ("1h", 5), ("x", 5)])
def test_the_window_is_chosen(production: Environment, look: Any, window: str, errors: int) -> None:
    at = timezone.now() - timedelta(hours=8)
    log(production, at + timedelta(minutes=20), count=5)
    assert look(deploy(production, at), window=window)["after"].errors == errors


@pytest.mark.django_db
def test_logs_that_are_not_kept_any_more(production: Environment, look: Any) -> None:
    context = look(deploy(production, timezone.now() - timedelta(days=40)))
    assert "Logs are kept for 30 days: some or all of these are gone." in context["caveats"]


@pytest.mark.django_db
def test_more_traffic_is_said(production: Environment, look: Any) -> None:
    at = timezone.now() - timedelta(hours=3)
    log(production, at - timedelta(minutes=20), "ok", "info", 100)
    log(production, at + timedelta(minutes=2), "ok", "info", 400)
    log(production, at + timedelta(minutes=2), count=20)
    assert any(each.startswith("After it 4.2 times as much") for each in look(deploy(production, at))["caveats"])


@pytest.mark.django_db
def test_other_scopes_do_not_count(production: Environment, org: Org, look: Any) -> None:
    at = timezone.now() - timedelta(hours=3)
    deployment = deploy(production, at)
    for other in (
        production.service.environments.select_related("service__org").get(name="staging"),
        make_service(org, "web").environments.select_related("service__org").get(name="production"),
    ):
        log(other, at + timedelta(minutes=1), count=20)
    assert look(deployment)["after"].errors == 0


@pytest.mark.django_db
def test_change_in_the_lanes(production: Environment, viewer: User, client_for: SignIn) -> None:
    at = timezone.now() - timedelta(hours=3)
    deploy(production, at)
    log(production, at - timedelta(minutes=2), count=2)
    log(production, at + timedelta(minutes=2), count=30)
    client = client_for(viewer)
    for _ in range(2):  # the second time it is remembered
        (card,) = client.get("/deployments").context["lanes"][0].cards
        assert (card.errors.before, card.errors.after) == (2, 30)


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [0, 17.25])
def test_the_lanes_count_to_the_moment(production: Environment, org: Org, seconds: float) -> None:
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=3) + timedelta(seconds=seconds)
    second, half_hour = timedelta(seconds=1), timedelta(minutes=30)
    before = [at - half_hour, at - half_hour + 50 * second, at - 10 * half_hour / 30, at - second]
    after = [
        at,
        at + second,
        at + 59 * second,
        at + half_hour / 2,
        at + half_hour - second,
        at + half_hour - second / 2,
    ]
    for moment in [*before, *after, at - half_hour - second / 2, at + half_hour]:
        log(production, moment)
    log(production, at + second, level="warn")
    change = panel.error_changes(org, [deploy(production, at)])
    assert [(each.before, each.after) for each in change.values()] == [(len(before), len(after))]


@pytest.mark.django_db
def test_what_is_not_settled_is_counted_again(production: Environment, org: Org) -> None:
    deployment = deploy(production, timezone.now() - timedelta(minutes=5))
    for errors in (0, 3):
        log(production, timezone.now() - timedelta(minutes=1), count=errors)
        assert panel.error_changes(org, [deployment])[deployment.pk].after == errors


@pytest.mark.django_db(transaction=True)
def test_the_page_asks_few_questions(
    production: Environment, viewer: User, client_for: SignIn, django_assert_max_num_queries: Any
) -> None:
    at = timezone.now() - timedelta(hours=3)
    deployment = deploy(production, at)
    deploy(production, at - timedelta(hours=1))
    log(production, at + timedelta(minutes=1), count=50)
    client = client_for(viewer)
    with django_assert_max_num_queries(12):
        client.get(f"/deployments/{deployment.pk}")


@pytest.mark.django_db
def test_too_slow_leaves_the_page_standing(production: Environment, look: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = deploy(production, timezone.now() - timedelta(hours=3))
    slow = "SELECT pg_sleep(5)" + ", %s" * 12
    monkeypatch.setattr("logs.reading.pages._LINES", slow)
    monkeypatch.setattr("pulseops.comparison.counts._SECONDS", 0.05)
    assert look(deployment)["is_too_slow"]


@pytest.mark.django_db
def test_the_demo_names_its_bad_deployment(org: Org, look: Any) -> None:
    """Both halves of the demo: what was deployed, and what the services logged meanwhile."""
    now = timezone.now()
    services = [make_service(org, name, retention_days=30) for name in DEMO_SERVICES]
    told = demo.fill(org, services, now)
    logs_demo.fill(org, now, timedelta(hours=12))
    assert told == Deployment.objects.count() > 20
    bad = Deployment.objects.get(commit_message__startswith="Call the payment")
    rollback = Deployment.objects.get(commit_message__startswith="Revert")
    assert rollback.deployed_at - bad.deployed_at == timedelta(minutes=25)
    context = look(bad)
    assert context["verdict"].tone == "error"
    assert context["verdict"].words.startswith("Errors rose from ")
    # One payment in many fails on any day, so the pattern may have been there before.
    worse = {each[0] for kind in ("new", "grown") for each in patterns(context, kind)}
    assert "payment provider timeout after <n> ms (order <n>)" in worse
    assert look(rollback)["verdict"].words.startswith("Errors fell from ")


@pytest.mark.django_db
def test_the_demo_may_be_repeated(org: Org) -> None:
    now, services = timezone.now(), [make_service(org, "checkout")]
    told = demo.fill(org, services, now)
    assert demo.fill(org, services, now + timedelta(seconds=1)) == told
