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
from logs.explorer.packed import packed
from logs.models import SavedView
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
        ("q=level:error,warn hello", "free=level:", "q=hello"),
        ("q=a b c", "drop=1", "q=a%20c"),
        ("q=a b c", "drop=3", "q=a%20b%20c"),
        ("q=a b c", "drop=x", "q=a%20b%20c"),
        ("q=hello&from=-4h&live=1", "set=from=-24h%26wrap=1", "q=hello&from=-24h&wrap=1"),
        ("q=hello&from=-4h&wrap=1", "set=from=%26wrap=%26row=5-1%26org=9", "q=hello&row=5-1"),
        ("q=hello", "set=", "q=hello"),
        ("q=(&good=hello", "set=from=-4h", "q=hello&from=-4h"),
        ("q=(", "set=from=-4h", "q=%28&from=-4h"),
        (f"page={packed({'q': 'hello', 'from': '-4h', 'wrap': '1'})}", "from=-24h&to=", "q=hello&from=-24h&wrap=1"),
        (f"page={packed({'q': 'hello'})}", "only=level:error", "q=level:error%20hello"),
        ("page=damaged", "from=-4h", "from=-4h"),
        ("page=", "", ""),
    ],
)
def test_a_button_leads_to_the_page_that_it_asks_for(
    client: Client, service: Service, query: str, change: str, leads_to: str
) -> None:
    make_service(service.org, "web")
    response = client.get(f"/logs?{query}&{change}")
    assert (response.status_code, response["Location"]) == (302, f"/logs?{leads_to}" if leads_to else "/logs")


def test_a_long_query_is_not_repeated_in_every_link(client: Client, service: Service) -> None:
    log = make_log(service, "hello", meta_json={f"n{number}": number for number in range(40)})
    for longest in (
        "a" * 3_900,
        "'" * 3_900,
        '"' + r"\"" * 1_900 + '"',
        "&a" * 1_900,
        "\N{RIGHT-TO-LEFT OVERRIDE}" * 1_300,
    ):
        for more in ("", "&live=1", f"&row={LogCursor(log.ts, log.pk)}"):
            usual = len(client.get(f"/logs?q=-x{more}").content)
            response = client.get(f"/logs?q=-{quote(longest)}{more}")
            assert response.content.count(b'class="log__link"') == 1
            assert len(response.content) < usual + 20_000, (longest[:2], more)
    assert "bytes; 4,000 is the most" in page(client, f"q={quote(longest + longest)}")


def test_a_long_query_is_changed_by_buttons_which_have_what_a_link_says(client: Client, service: Service) -> None:
    make_log(service, "hello")
    links = page(client, "q=-x&order=oldest")
    buttons = page(client, f"q=-{'x' * 400} -{'y' * 400}&order=oldest")
    asked = dict(
        re.findall(r'<button [^>]*form="log-search" name="(?:set|drop)" value="([^"]*)"[^>]*>(.*?)</button>', buttons)
    )
    words = {re.sub("<.*?>", "", said): value for value, said in asked.items()}
    assert words["Last 24 hours"] == "from=-24h"
    assert words["Live"] == "order=&live=1"
    assert words["Oldest first"] == "order="
    assert words["trace"] == "cols=service,env,trace"
    assert 'name="drop" value="0" aria-label="Drop text x' in buttons
    assert 'href="/logs?q=-x&from=-24h&order=oldest" data-keep="from">Last 24 hours<' in links
    export = re.search(r'name="set" value="([^"]*)" formaction="/logs/export"', buttons)
    assert export
    taken = client.get("/logs/export", {"q": "-" + 400 * "x", "set": export[1]})
    assert b"hello" in b"".join(taken.streaming_content)  # type: ignore[attr-defined]


def test_a_saved_view_with_a_long_query_is_led_to_by_its_number(client: Client, org: Org, viewer: User) -> None:
    view = SavedView.objects.create(org=org, owner=viewer, name="Long", params={"q": "x" * 4_000})
    assert f'href="/logs?view={view.pk}"' in page(client)
    assert client.get(f"/logs?view={view.pk}")["Location"] == f"/logs?q={'x' * 4_000}&from=-1h"
    for number in ("0", "x", "9" * 40, ""):
        assert client.get(f"/logs?view={number}")["Location"] == "/logs"
