"""The addresses of the explorer: what they keep, what they add, what a copied one says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from logs.cursor import LogCursor
from services.models import Service
from tests.logs.reading import page
from tests.support.factories import make_log, make_service

ClientFor = Callable[[User], Client]


@pytest.mark.parametrize(
    ("query", "added", "leads_to"),
    [
        ("", "level:error", "q=level:error"),
        ("from=-24h&cols=trace", "service:api", "q=service:api&from=-24h&cols=trace"),
        ("q=a OR b", "-env:production", "q=%28a%20OR%20b%29%20-env:production"),
        ("q=level:error", "level:error", "q=level:error"),  # not twice
        ("q=x", "a b", "q=x%20a%20b"),
        ("q=x", "(", "q=x"),  # what cannot be read adds nothing
        ("q=(&good=y", "z", "q=y%20z"),  # after a mistake what is shown goes on
    ],
)
def test_a_value_is_added_to_the_query(client: Client, query: str, added: str, leads_to: str) -> None:
    response = client.get(f"/logs?{query}&add={quote(added)}")
    assert response.status_code == 302
    assert response["Location"] == f"/logs?{leads_to}"


def test_each_value_of_a_row_says_how_it_is_asked_for(client: Client, service: Service) -> None:
    meta = {"n": 7, "text": "7", "with space": 'a "b"', "deep": {"er": None}, "list": [1]}
    make_log(service, "hello", level="warn", trace_id="t 1", meta_json=meta)
    seen = page(client, "cols=service,env,trace,request,n,text,deep.er,list").split("data-logs")[1]
    cells = re.findall(r'data-term="(.*?)">(.*?)</span>', seen)
    terms = [term + text if term.endswith(":") else term for term, text in cells]  # as log-keys.js puts them together
    assert terms == ["level:warn", "service:api", "env:production", 'trace:"t 1"', "n:7", 'text:"7"', "deep.er:null"]
    for term in terms:
        assert "hello" in page(client, f"q={quote(term)}").split("data-logs")[1]


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("q=charge&from=-4h&good=x", "/logs?q=charge&from=-4h"),
        ("q=level%3Aerror+a&good=", "/logs?q=level:error%20a"),
        ("good=", "/logs"),
        ("live=1&row=5-1&before=9-1&at=7", "/logs?live=1&before=9-1&at=7&row=5-1"),
    ],
)
def test_the_browsers_address_is_written_as_all_links_are(client: Client, query: str, written: str) -> None:
    asked = client.get(f"/logs?{query}", headers={"hx-request": "true", "hx-target": "explorer", "hx-boosted": "true"})
    assert asked["HX-Push-Url"] == written


def test_a_mistake_keeps_the_address_with_the_last_good_query(client: Client) -> None:
    asked = client.get(
        "/logs?q=(&good=x", headers={"hx-request": "true", "hx-target": "explorer", "hx-boosted": "true"}
    )
    assert "HX-Push-Url" not in asked


def test_the_link_to_copy_freezes_relative_ranges(client: Client, org: Org, service: Service) -> None:
    log = make_log(service, "hello")
    address = str(LogCursor(log.ts, log.pk))
    found = re.search(r'data-copy="(http://testserver/logs\?[^"]*)"', page(client, f"q=hello&from=-4h&row={address}"))
    assert found
    link = found.group(1)
    since, until = re.findall(r"(?:from|to)=([^&]+Z)", link)
    assert since < until
    assert f"row={address}" in link
    assert f"&org={org.pk}" in link
    assert "tz=" not in link
    landed = client.get(link.removeprefix("http://testserver"), follow=True)
    assert "<mark>hello</mark>" in landed.content.decode()
    assert f"from={since}&to={until}" in unescape(landed.redirect_chain[0][0]).replace("%3A", ":")


def test_the_link_to_copy_keeps_the_place_and_the_chosen_zone(client: Client, service: Service) -> None:
    log = make_log(service, "hello")
    place = LogCursor(log.ts, log.pk)
    client.cookies["tz"] = "utc"
    assert re.search(rf'data-copy="[^"]*&tz=utc&before={place}&', page(client, f"before={place}"))


def test_what_comes_later_is_in_the_zone_of_the_page(client: Client, service: Service) -> None:
    """The first page of all is in UTC; then its script tells the reader's zone."""
    noon = timezone.now().replace(minute=0, second=0, microsecond=0)
    log = make_log(service, "hello", ts=noon)
    assert 'data-zone="UTC"' in page(client)
    client.cookies["tzname"] = "Asia/Kathmandu"
    after = str(LogCursor(noon - timedelta(hours=1), 0))
    shown = {name: client.get("/logs/live", {"after": after}, headers={"x-page-zone": name}).content.decode()
             for name in ("UTC", "Asia/Kathmandu", "Mars", "")}  # fmt: skip
    assert f"{noon:%H}:00:00.000" in shown["UTC"]
    assert all(":45:00.000" in shown[name] for name in ("Asia/Kathmandu", "Mars", ""))
    parts = {"hx-request": "true", "hx-target": "drawer", "x-page-zone": "UTC"}
    drawer = client.get("/logs", {"row": str(LogCursor(log.ts, log.pk))}, headers=parts).content.decode()
    assert f"{noon:%H}:00:00.000 UTC" in drawer


def test_columns_are_switched_one_by_one(client: Client, service: Service) -> None:
    make_log(service, "hello", trace_id="t-1")
    menu = page(client).split("Columns")[1].split("</details>")[0]
    links = dict(re.findall(r'href="([^"]*)"[^>]*><span class="truncate">(\w+)<', menu))
    assert {name: url for url, name in links.items()} == {
        "service": "/logs?cols=env",
        "env": "/logs?cols=service",
        "trace": "/logs?cols=service,env,trace",
        "request": "/logs?cols=service,env,request",
    }
    seen = page(client, "cols=trace")
    assert ">t-1</span>" in seen
    assert 'href="/logs?cols=none"' in seen
    assert 'class="log__cell' not in page(client, "cols=none")


def test_a_column_is_wide_enough_for_the_names_that_there_are(client: Client, service: Service) -> None:
    make_log(service, "hello")
    assert re.search(r'class="log__cell log__cell--8"[^>]*>api<', page(client))
    make_service(service.org, "payments-worker")
    assert re.search(r'class="log__cell log__cell--16"[^>]*>api<', page(client))


def test_a_logs_own_page_leads_to_the_time_around_it(client: Client, service: Service) -> None:
    log = make_log(service, "long ago", ts=timezone.now() - timedelta(days=9), meta_json={"user": 7})
    seen = unescape(client.get(f"/logs/{LogCursor(log.ts, log.pk)}").content.decode())
    found = re.search(r'href="(/logs\?q=user:7&from=[^"]+)"', seen)
    assert found
    assert "long ago" in page(client, found.group(1).partition("?")[2])
    assert f'data-copy="http://testserver/logs/{LogCursor(log.ts, log.pk)}?org={service.org_id}"' in seen


@pytest.mark.parametrize(
    ("query", "change", "leads_to"),
    [
        ("", "only=level:error", "q=level:error"),
        ("from=-4h", "also=level:error", "q=level:error&from=-4h"),
        ("q=level:error", "also=level:warn", "q=level:error,warn"),
        ("q=level:error,warn hello", "also=level:warn", "q=level:error%20hello"),
        ("q=level:error", "only=level:error", ""),
        ("q=level:error", "only=service:api", "q=service:api%20level:error"),
        ("q=hello", "only=env:production", "q=env:production%20hello"),
        ("q=hello", "only=level:no-such-level", "q=hello"),
        ("q=hello", "also=nothing", "q=hello"),
    ],
)
def test_a_button_of_the_rail_leads_to_the_page_that_it_asks_for(
    client: Client, service: Service, query: str, change: str, leads_to: str
) -> None:
    make_service(service.org, "web")
    response = client.get(f"/logs?{query}&{change}")
    assert (response.status_code, response["Location"]) == (302, f"/logs?{leads_to}" if leads_to else "/logs")


def test_a_long_query_is_not_repeated_in_every_link(client: Client, service: Service) -> None:
    for number in range(40):
        make_log(service, f"hello {number}", meta_json={"n": number})
    longest = "-" + "\N{RIGHT-TO-LEFT OVERRIDE}" * 1_300
    seen = page(client, f"q={quote(longest)}")
    assert seen.count('class="log__link"') == 40
    assert seen.count(quote(longest[1:])) < 60  # not in rows, bars and buttons
    assert 'data-span="' in seen
    assert "bytes; 4,000 is the most" in page(client, f"q={quote(longest + longest)}")
