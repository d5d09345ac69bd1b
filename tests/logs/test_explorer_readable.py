"""What the explorer does for its reader: stacks, fields counted over the result, many views, the last choices."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from pytest_django.fixtures import Settings

from accounts.models import Org, User
from logs.explorer.marker import Marker
from logs.explorer.stacks import stack_html
from logs.models import LogEntry, SavedView
from logs.search.parser import parse
from logs.storage.rollup import repair
from services.models import Service
from tests.logs.reading import page
from tests.support.factories import make_log

JAVA = (
    "java.lang.IllegalStateException: charge failed\n"
    + "".join(f"\tat com.shop.pay.Charge.step{n}(Charge.java:{n})\n" for n in range(60))
    + "Caused by: java.net.SocketTimeoutException: Read timed out\n"
    + "".join(f"\tat java.base/java.net.Socket.read{n}(Socket.java:{n})\n" for n in range(4))
    + "\tat com.shop.Tree.walk(Tree.java:7)\n\tat com.shop.Tree.visit(Tree.java:9)\n" * 150
    + "\t... 12 more"
)


@pytest.mark.parametrize("text", [JAVA, "one line", "a\nb", "\n\n", "x\r\n  at y\r\n" * 30, "<b>\n  at <i>"])
@pytest.mark.parametrize("query", ["", "Charge.java", "timed"])
def test_a_stack_is_folded_without_losing_a_letter(text: str, query: str) -> None:
    """What a fold says of itself is in the style, so that what is copied is the text."""
    html = stack_html(text, Marker(parse(query)))
    assert strip_tags(html).replace("&lt;", "<").replace("&gt;", ">") == text


def test_causes_stand_out_and_what_repeats_is_folded() -> None:
    html = stack_html(JAVA, Marker(None))
    assert re.findall(r'stack__cause">([^\n]*)', html) == [
        "java.lang.IllegalStateException: charge failed",
        "Caused by: java.net.SocketTimeoutException: Read timed out",
    ]
    assert re.findall(r'data-words="([^"]*)"', html) == ["48 more lines", "repeated 149 more times"]
    shown = re.sub(r"<details.*?</details>", "", html, flags=re.DOTALL)
    assert len(shown.splitlines()) < 24
    assert "<details" not in stack_html("a\n  at b\n  at c", Marker(None))


def test_a_fold_with_a_match_is_open() -> None:
    html = stack_html(JAVA, Marker(parse("step40")))
    assert html.count(" open>") == 1


def test_a_row_says_where_a_word_was_found(client: Client, service: Service) -> None:
    meta = {"error": {"type": "ProviderTimeout"}, "tags": ["blue"]}
    make_log(service, "payment failed", meta_json=meta, trace_id="4bf92f35")
    for query, where in (
        ("ProviderTimeout", "<b>error.type</b> <mark>ProviderTimeout</mark>"),
        ("payment+blue", "<b>tags</b> <mark>blue</mark>"),
        ("4bf92f35", "<b>trace</b> <mark>4bf92f35</mark>"),
    ):
        assert where in page(client, f"q={query}")
    assert "log__where" not in page(client, "q=payment")


def test_nothing_found_says_what_was_looked_at(client: Client, service: Service) -> None:
    make_log(service, "payment failed", meta_json={"user": {"id": 7}})
    seen = page(client, "q=nosuchword")
    assert "looked for in its message, the texts and numbers of its JSON, and as the whole trace or request id" in seen
    seen = page(client, "q=user.id")
    assert "<code>user.id</code> is the name of a field" in seen
    assert 'href="/logs?q=user.id:*"' in seen


def counted(seen: str) -> dict[str, str]:
    return dict(re.findall(r'title="Only (\w+)"><span class="truncate mono">\w+</span><span[^>]*>(\w+)<', seen))


def fields(client: Client) -> str:
    """Return what is asked for after the page: the fields of all that it found."""
    return client.get("/logs/fields").content.decode()


def test_fields_are_counted_over_the_result(client: Client, service: Service) -> None:
    now = timezone.now()
    first = make_log(service, "x", ts=now - timedelta(seconds=1), meta_json={"status": 200})
    place = {"org_id": first.org_id, "service": service, "environment_id": first.environment_id, "level": "info"}
    LogEntry.objects.bulk_create(
        LogEntry(message="x", ts=now - timedelta(seconds=2 + n), meta_json={"status": 200 if n % 4 else 404}, **place)
        for n in range(399)
    )
    repair(org_id=first.org_id)
    seen = fields(client)
    assert ">Fields</h2>" in seen
    assert re.search(
        r'title="Only 404"><span class="truncate mono">404</span><span class="log-facet__count">100<', seen
    )
    assert re.search(
        r'title="Only 200"><span class="truncate mono">200</span><span class="log-facet__count">300<', seen
    )
    assert 'name="add" value="-status:404" title="Without 404"' in seen


def test_fields_of_a_large_result_are_counted_or_say_of_how_many_they_are(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logs.explorer.results.PAGE_ROWS", 2)
    monkeypatch.setattr("logs.explorer.result_fields.FACET_ROWS", 5)
    monkeypatch.setattr("logs.explorer.result_fields._RESULT_SECONDS", 60)
    now = timezone.now()
    for number in range(8):
        make_log(service, meta_json={"status": 200, "tags": ["a", "b"]}, ts=now - timedelta(seconds=number))
    seen = fields(client)
    assert ">Fields</h2>" in seen
    assert counted(seen)["200"] == counted(seen)["a"] == "8"
    monkeypatch.setattr("logs.explorer.result_fields._RESULT_SECONDS", 0)
    assert ">Fields of the newest 5</h2>" in fields(client)


@pytest.mark.parametrize("few", [0, 100])
def test_ids_are_counted_among_the_newest_where_there_are_too_many_logs(
    client: Client, service: Service, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logs.explorer.results.PAGE_ROWS", 2)
    monkeypatch.setattr("logs.explorer.result_fields.FACET_ROWS", 5)
    monkeypatch.setattr("logs.explorer.result_fields._RESULT_SECONDS", 60)
    monkeypatch.setattr("logs.explorer.result_fields._FEW_LOGS", few)
    monkeypatch.setattr("logs.explorer.facets.MOST_VALUES", 3)
    now = timezone.now()
    for number in range(8):
        make_log(service, meta_json={"status": 200, "order": number}, ts=now - timedelta(seconds=number))
    seen = fields(client)
    assert ">Fields</h2>" in seen
    assert counted(seen)["200"] == "8"
    assert seen.count("Of the newest 5<") == (0 if few else 1)


def test_a_page_has_the_fields_of_its_rows_and_asks_for_those_of_all(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logs.explorer.results.PAGE_ROWS", 2)
    for _ in range(3):
        make_log(service, meta_json={"status": 200})
    seen = page(client)
    assert ">Fields of the 2 shown<" in seen
    assert 'hx-get="/logs/fields" hx-trigger="load"' in seen
    without_a_script = re.search(r'<noscript><a[^>]* href="([^"]+)">count all<', seen)
    assert without_a_script
    assert counted(seen) == {}  # the values follow
    whole = client.get(without_a_script[1]).content.decode()
    assert counted(whole)["200"] == "3"
    assert "/logs/fields" not in whole
    assert counted(fields(client))["200"] == "3"
    monkeypatch.setattr("logs.explorer.results.PAGE_ROWS", 3)
    assert "/logs/fields" not in page(client)  # where the page has all, there is nothing to ask for


def test_rows_do_not_wait_for_what_takes_long_to_count(client: Client, service: Service, settings: Settings) -> None:
    settings.LOG_PAGE_COUNT_SECONDS = 0
    make_log(service, "charge failed", level="error", meta_json={"status": 500})
    seen = page(client, "q=level:error")
    assert "charge failed" in seen
    assert "not counted yet" in seen
    assert 'hx-get="/logs/figures" hx-trigger="refresh, load"' in seen
    for later in ("/logs/figures?q=level:error", "/logs?q=level:error&whole=1"):
        whole = client.get(later).content.decode()
        assert "<strong>1 log</strong>" in whole
        assert counted(whole)["500"] == "1"
    assert client.get("/logs/figures?q=level:(").status_code == 204  # of what cannot be read nothing is counted


@pytest.fixture
def many_views(org: Org, developer: User) -> None:
    views = [
        SavedView(org=org, owner=developer, name=f"View {n:03}", params={"q": str(n)}, is_shared=True)
        for n in range(300)
    ]
    SavedView.objects.bulk_create(views)


@pytest.mark.usefixtures("many_views")
def test_the_menu_of_views_stays_small(
    client_for: Callable[[User], Client], developer: User, outsider: User, service: Service
) -> None:
    client = client_for(developer)
    seen = page(client)
    assert seen.index("Save this page as") < seen.index("View 000")
    assert seen.count("View 0") == 24  # the name, and what the box above finds it by
    assert "delete-view-" not in seen
    menu = client.get("/logs/views/all", headers={"HX-Request": "true"}).content.decode()
    assert menu.count("data-item=") == 300
    assert len(menu) < 60_000
    listed = client.get("/logs/views/all").content.decode()
    assert listed.count('<dialog class="dialog" id="delete-view-') == 75
    assert "View 299" not in listed
    assert "View 299" in client.get("/logs/views/all?q=w+299").content.decode()
    assert "View 0" not in client_for(outsider).get("/logs/views/all").content.decode()


def test_a_viewer_may_delete_no_view_of_others(client: Client, many_views: None) -> None:
    listed = client.get("/logs/views/all").content.decode()
    assert "View 000" in listed
    assert "delete-view-" not in listed
    assert client.post("/logs/views/all").status_code == 405
