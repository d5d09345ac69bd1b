"""GET /docs/: the files of docs/ that are for users, rendered in the frame, for anyone."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import User
from pulseops.docs.markdown import render
from pulseops.docs.pages import GROUPS, groups
from pulseops.docs.search import search
from tests.support.browser import assert_accessible, assert_fits

DOCS = Path(settings.BASE_DIR) / "docs"
SLUGS = [slug for _, slugs in GROUPS for slug in slugs if (DOCS / f"{slug}.md").exists()]
NOT_FOR_USERS = {"architecture", "schema"}


def html(text: str) -> str:
    return str(render(text, resolve=lambda href: f"/at/{href}").html)


def test_every_document_is_shown_or_left_out_on_purpose() -> None:
    listed = {slug for _, slugs in GROUPS for slug in slugs}
    assert {path.stem for path in DOCS.glob("*.md")} - listed == NOT_FOR_USERS


def test_a_table_with_long_words_stacks_on_a_phone() -> None:
    wide = html("| code | status | then |\n|---|---|---|\n| `UNSUPPORTED_MEDIA_TYPE` | 415 | `application/json` |\n")
    assert 'class="table table--stack"' in wide
    assert '<td data-label="then">' in wide
    assert 'data-label="code"' not in wide
    assert 'class="table">' in html(
        "| role | may |\n|---|---|\n| viewer | read a long row of short words to the end |\n"
    )


@pytest.mark.django_db
def test_anyone_reads_them(client: Client, viewer: User, client_for: Callable[[User], Client]) -> None:
    assert client.get("/docs")["Location"] == "/docs/"
    for each in (client, client_for(viewer)):
        index = each.get("/docs/").text
        for slug in SLUGS:
            assert f'href="/docs/{slug}"' in index
            assert each.get(f"/docs/{slug}").status_code == 200
    assert 'class="bar__nav"' in client_for(viewer).get("/docs/").text


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["schema", "nothing", "..%2Fsettings", "README"])
def test_nothing_else_is_read(client: Client, path: str) -> None:
    assert client.get(f"/docs/{path}").status_code == 404


@pytest.mark.django_db
def test_pictures_have_an_address_and_a_size(client: Client) -> None:
    images = re.findall(r"<img [^>]+>", client.get("/docs/notifications").text)
    assert len(images) >= 4
    for image in images:
        given = dict(re.findall(r'(\S+)="([^"]*)"', image))
        assert given["alt"]
        answer = client.get(given["src"])
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/png"
        width, height = struct.unpack(">II", answer.content[16:24])
        assert (int(given["width"]), int(given["height"])) == (width // 2, height // 2)
    for path in ("nothing", "..%2F..%2Fstatic%2Fx", ".signed-in"):
        assert client.get(f"/docs/images/{path}.png").status_code == 404


def test_a_picture_that_is_not_there_is_its_words() -> None:
    assert "<p>See the list.</p>" in render("See ![the list](https://elsewhere.example/x.png).", resolve=str).html


@pytest.mark.django_db
def test_links_between_documents_and_their_anchors_lead_somewhere(client: Client) -> None:
    pages = {f"/docs/{slug}": client.get(f"/docs/{slug}").text for slug in SLUGS}
    anchors = {url: set(re.findall(r' id="([^"]+)"', text)) for url, text in pages.items()}
    broken = []
    for url, text in pages.items():
        body = text[text.index("<article") : text.index("</article>")]
        for href in re.findall(r'<a [^>]*href="([^"]+)"', body):
            path, _, anchor = href.partition("#")
            if href.startswith("http"):
                continue
            target = path or url
            if target not in pages or (anchor and anchor not in anchors[target]):
                broken.append(f"{url}: {href}")
    assert broken == []


def test_raw_html_stays_text() -> None:
    shown = html("a <script>alert(1)</script> <b>b</b>\n\n<div onclick=x>c</div>")
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "<div" not in shown


def test_dangerous_addresses_are_not_links() -> None:
    assert "href" not in html("[x](javascript:alert(1))")


def test_headings_have_anchors_of_their_own() -> None:
    document = render("# Title\n\n## Same `one`\n\n## Same one\n\n### Deeper\n", resolve=str)
    assert document.title == "Title"
    assert [section.anchor for section in document.sections] == ["same-one", "same-one-1"]
    assert '<h2 id="same-one-1">' in document.html
    assert 'href="#deeper"' in document.html


def test_links_are_resolved() -> None:
    assert 'href="/at/send-logs.md#x"' in html("[x](send-logs.md#x)")


def test_tables_and_code_are_ours() -> None:
    shown = html("| a |\n|---|\n| `<b>` |\n\n```sh\necho '<&>'\n```\n")
    assert '<table class="table">' in shown
    assert "&lt;b&gt;" in shown
    assert "Terminal" in shown
    assert "data-copy-code" in shown
    assert "echo &#x27;&lt;&amp;&gt;&#x27;" in shown


def test_columns_are_aligned_without_inline_styles() -> None:
    shown = html("| a | b | c |\n|---|---:|:---|\n| 1 | 2 | 3 |\n")
    assert "style" not in shown
    assert shown.count('class="num"') == 2


@pytest.mark.django_db
def test_a_changed_file_is_shown_anew(settings: Any, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    path = tmp_path / "docs" / "roles.md"
    path.write_text("# One\n")
    assert groups()[0].links[0].title == "One"
    path.write_text("# Two\n")
    assert groups()[0].links[0].title == "Two"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_nothing_serious_for_axe_and_nothing_too_wide(page: Page, live_server: Any) -> None:
    for slug in SLUGS:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{live_server.url}/docs/{slug}")
        assert_accessible(page)
        page.set_viewport_size({"width": 390, "height": 844})
        assert_fits(page)
    page.get_by_text("Documentation", exact=True).click()
    page.get_by_role("link", name="Sending logs").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sending logs")


@pytest.mark.django_db
def test_words_are_found_in_the_documents(client: Client) -> None:
    seen = client.get("/docs/?q=Threshold+WINDOW").text
    assert re.search(r'href="/docs/alerts#[\w-]+">Alerts \S ', seen)
    assert re.search(r"(?i)<mark>(threshold|window)</mark>", seen)
    heads = [(hit.is_named, hit.document) for hit in search("incidents")]
    assert heads[0] == (True, "Incidents")
    assert heads == sorted(heads, key=lambda each: not each[0])
    assert "No document has all of these words" in client.get("/docs/?q=no+suchword").text
    assert "<script>" not in client.get("/docs/?q=<script>alert").text
    assert search("") == []
    for hit in search("organisation"):
        assert client.get(hit.url).status_code == 200


def test_every_heading_of_a_document_is_a_place() -> None:
    made = render("# One\n\nfirst\nline\n\n## Two\n\n| a |\n|---|\n| `b` |\n\n```sh\nrun it\n```\n", resolve=str)
    assert [(each.title, each.anchor, each.text) for each in made.passages] == [
        ("One", "", "first line"), ("Two", "two", "a b run it"),
    ]  # fmt: skip
