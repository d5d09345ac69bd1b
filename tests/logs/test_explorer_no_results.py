"""What the explorer says when it finds nothing, or could not look at all: never a page without a way on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from logs.explorer import no_results
from services.models import Service
from tests.support.factories import make_log, make_service

ClientFor = Callable[[User], Client]
DAYS_AGO = timedelta(days=3)


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each look that the empty page takes seconds: on a busy machine a tenth of one ends before it began."""
    monkeypatch.setattr(no_results, "_SECONDS_EACH", 5.0)


def page(client: Client, q: str = "", **params: str) -> str:
    response = client.get("/logs", {"q": q, **params})
    assert response.status_code == 200
    return unescape(response.content.decode())


def told(client: Client, q: str = "", **params: str) -> list[str]:
    """The sentences of the empty page, without markup."""
    found = page(client, q, **params).split('class="log-nothing"')[1].split("</ul>")[0]
    return [re.sub(r"<[^>]+>", "", each).strip() for each in found.split("<li>")[1:]]


def follow(client: Client, q: str, words: str) -> str:
    """Follow the link behind `words` on the empty page."""
    seen = page(client, q)
    found = re.search(rf'href="(/logs[^"]*)"[^>]*>(?:<[^>]+>)*{re.escape(words)}', seen)
    assert found, seen
    return unescape(client.get(found.group(1)).content.decode())


def test_an_organisation_without_logs_is_led_to_the_first(client: Client, service: Service) -> None:
    seen = page(client)
    assert "No logs yet" in seen
    assert 'href="/services"' in seen
    assert "have not sent logs" in seen


def test_who_may_not_make_a_service_is_not_asked_to(client: Client) -> None:
    seen = page(client)
    assert "No logs yet" in seen
    assert "Developers and admins" in seen
    assert "Go to services" not in seen


def test_the_nearest_match_and_when_the_service_last_logged(client: Client, service: Service) -> None:
    make_log(service, "lonely", ts=timezone.now() - DAYS_AGO, level="error")
    make_log(service, "other", ts=timezone.now() - timedelta(hours=2))
    make_log(make_service(service.org, "web"), "web is alive")
    said = told(client, "lonely service:api")
    assert any(each.startswith("The nearest match is at") for each in said)
    assert any(each.startswith("api last logged 2 h ago") for each in said)
    assert "other" in follow(client, "lonely service:api", "show that time")  # what the service logged, whatever it was


@pytest.mark.django_db(transaction=True)  # savepoints would count
def test_the_last_log_of_all_is_the_nearest_match_of_a_search_for_all(
    client: Client, service: Service, django_assert_max_num_queries: Any
) -> None:
    make_log(service, "lonely", ts=timezone.now() - DAYS_AGO)
    with django_assert_max_num_queries(16):  # one for what is sealed, six that hold its snapshot
        said = told(client)
    assert [each.partition(":")[0] for each in said] == ["Your services last logged 3 d ago"]
    nearest, last, _ = told(client, "service:api")
    assert nearest.startswith("The nearest match is at")
    assert last.startswith("Your services last logged 3 d ago")
    assert "lonely" in follow(client, "service:api", "show that time")


def test_the_link_to_the_nearest_match_shows_it(client: Client, service: Service) -> None:
    make_log(service, "lonely", ts=timezone.now() - DAYS_AGO)
    seen = page(client, "lonely")
    found = re.search(r'nearest match is at <a href="([^"]+)"', seen) or re.search(r'href="([^"]+)">show that', seen)
    assert found
    assert "<mark>lonely</mark>" in client.get(found.group(1)).content.decode()


@pytest.mark.parametrize(
    ("q", "costs"),
    [
        ("level:error", ["Without level:error: 2"]),
        ("hello level:error", ["Without hello: 0", "Without level:error: 1"]),
        ("hello -service:api", ["Without hello: 0", "Without -service:api: 1"]),
        ("(a OR b) hello", ["Without a OR b: 1", "Without hello: 0"]),
    ],
)
def test_what_each_filter_costs(client: Client, service: Service, q: str, costs: list[str]) -> None:
    make_log(service, "hello")
    make_log(service, "other")
    assert [each for each in told(client, q) if each.startswith("Without")] == costs
    assert "hello" in follow(client, "level:error", "level:error").split("data-logs")[1]


def test_scopes_are_named(client: Client, service: Service) -> None:
    make_service(service.org, "web")
    make_log(service, "x", ts=timezone.now() - DAYS_AGO)
    assert any(
        each.startswith("api in production last logged 3 d ago") for each in told(client, "service:api env:prod")
    )
    assert any(each.startswith("production last logged 3 d ago") for each in told(client, "env:prod"))
    assert any(each.startswith("Your services last logged 3 d ago") for each in told(client))
    assert "web has logged nothing yet." in told(client, "service:web")


def test_an_unused_name_says_nothing_of_the_rest(client: Client, service: Service) -> None:
    make_log(service, "x", ts=timezone.now() - DAYS_AGO)
    seen = page(client, "service:apy")
    assert "No service is called “apy”. Did you mean api?" in seen
    assert not any("logged" in each for each in told(client, "service:apy"))


def test_what_is_nowhere_is_said_to_be_nowhere(client: Client, service: Service) -> None:
    make_log(service, "x")
    assert "No stored log of any other time matches either." in told(client, "nosuchword")


@pytest.mark.parametrize(
    ("q", "meant"),
    [
        ("status:500", "http.status"),
        ("-hello status:>499", "http.status"),
        ("Status:*", "http.status"),
        ("statuss:500", "http.status"),
        ("user.ld:7", "user.id"),
        ("zzz:1", None),
        ("http:1", None),  # is there, as an object
        ("http.status:999", None),
        ("-status:1 nosuch", None),
    ],
)
def test_a_field_that_is_not_there(client: Client, service: Service, q: str, meant: str | None) -> None:
    make_log(service, "GET /", meta_json={"http": {"status": 500}, "user": {"id": 7}})
    guesses = [each for each in told(client, q) if "Did you mean" in each]
    assert [each.split("Did you mean ")[1] for each in guesses] == ([f"{meant}?"] if meant else [])
    if meant:
        assert "GET /" in follow(client, q, meant).split("data-logs")[1]


@pytest.mark.django_db(transaction=True)
def test_a_search_that_ran_out_of_time_says_how_far_it_came_and_goes_on(
    client: Client, service: Service, settings: LazySettings
) -> None:
    now = timezone.now()
    make_log(service, "needle here", ts=now - timedelta(seconds=10))
    make_log(service, "needle long ago", ts=now - timedelta(days=20))
    settings.LOG_SEARCH_SECONDS = settings.LOG_COUNT_SECONDS = 0.0
    seen = page(client, "needle", **{"from": "-30d"})
    assert "needle</mark> here" in seen
    assert "needle</mark> long ago" not in seen
    assert re.search(r"Searched back to <strong><time[^>]*>\d{4}-\d\d-\d\d \d\d:\d\d", seen)
    assert "at least 0 logs" in seen or "counted back to" in seen or "not counted yet" in seen
    assert "Nothing matches" not in seen
    settings.LOG_SEARCH_SECONDS = 5.0
    older = re.search(r'class="button button--primary" href="([^"]+)">Continue', seen)
    assert older
    assert "needle</mark> long ago" in client.get(older.group(1)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_counting_may_know_that_there_is_nothing_before_looking_does(
    client: Client, service: Service, settings: LazySettings
) -> None:
    make_log(service, "x", ts=timezone.now() - DAYS_AGO)
    settings.LOG_SEARCH_SECONDS = 0.0
    seen = page(client, "nosuchword", **{"from": "-30d"})
    assert "Nothing matches in this time" in seen
    assert "Searched back to" not in seen


def test_the_end_of_the_pages_leads_back(client: Client, service: Service) -> None:
    log = make_log(service, "x")
    seen = page(client, before=f"{int((log.ts - timedelta(minutes=5)).timestamp() * 1e6)}-0")
    assert "Nothing older" in seen
    assert re.search(r'href="/logs"[^>]*>\s*Back to the newest', seen)


def test_a_mistake_says_where_and_how_and_keeps_the_last_good_result(client: Client, service: Service) -> None:
    make_log(service, "still here")
    seen = page(client, "still level:eror", good="still")
    assert "There is no level 'eror'." in seen
    assert "Levels are debug, info, warn, error." in seen
    assert '<code class="log-mistake">still <mark>level:eror</mark></code>' in seen
    assert "Below is still <code>still</code>" in seen
    assert "<mark>still</mark> here" in seen
    assert f'value="{"still level:eror"}"' in seen
    assert quote("still") in seen
