"""Every page as every reader, with nothing to show and with the demo: its status, and few queries however many rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Org, Session, User
from tests.support.factories import make_org
from tests.support.sign_in import signed_in
from tests.visits.budgets import budget_of
from tests.visits.pages import ACTIONS, READERS, STRANGERS, Page, pages
from tests.visits.rows import demo_org, grow, readers_of, rows_of

# Pages of the Django admin that more rows cannot change.
_OF_NO_ROWS = ("_add", "_history", "_delete", "?q=x")
_DOCS = "docs:page "  # the same for everybody, whatever rows there are

# Outside a test's transaction, whose savepoints would count.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(autouse=True)
def no_hurry(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that takes long asks for a slot, and gives up in the end: how fast this machine is must not count."""
    settings.LOG_SEARCH_SECONDS = settings.LOG_COUNT_SECONDS = 60
    monkeypatch.setattr("logs.search.session.QUICK_SECONDS", 60)


@pytest.fixture(autouse=True)
def only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries are counted here: to write each down with its parameters in it took a twelfth of the time."""
    monkeypatch.setattr(connection.ops, "last_executed_query", lambda cursor, sql, parameters: sql)


@pytest.mark.parametrize("reader", READERS)
def test_with_nothing_to_show(reader: str) -> None:
    client = clients(readers_of(make_org("Acme")))[reader]
    faults: list[str] = []
    for page in pages({}):
        if page.is_admin_site and reader not in {"anonymous", "admin", "superuser"}:
            continue  # its guard asks for nothing but superusers
        if page.name.startswith(_DOCS) and reader not in {"anonymous", "viewer"}:
            continue
        faults += told(page, reader, *visit(client, page))
    assert not faults, "\n".join(faults)


@pytest.mark.timeout(480)
def test_with_the_demo() -> None:
    """As everybody in turn, since the demo takes long to make.

    Who is no member visits what names rows of it: the other pages show what they show with nothing.
    """
    now = timezone.now()
    org = demo_org(now)
    readers = clients(readers_of(org))
    everything = [page for page in pages(rows_of(org)) if not page.name.startswith(_DOCS)]
    unnamed = {page.address for page in pages({})}
    faults, before = [], {}
    for reader in READERS:
        for page in everything:
            if page.is_admin_site and reader != "superuser":
                continue  # were visited without data
            if reader in STRANGERS and page.address in unnamed:
                continue
            status, before[reader, page.name] = visit(readers[reader], page)
            faults += told(page, reader, status, before[reader, page.name])
    faults += more_with_more_rows(org, readers["superuser"], everything, before, now)
    assert not faults, "\n".join(faults)


def more_with_more_rows(
    org: Org, client: Client, everything: list[Page], before: Mapping[tuple[str, str], int], now: datetime
) -> Iterator[str]:
    """Say which pages take more queries after the organisation has grown."""
    grow(org, 3, now)
    for page in [each for each in everything if each.name not in ACTIONS and not each.name.endswith(_OF_NO_ROWS)]:
        _, queries = visit(client, page)
        if queries > before["superuser", page.name] and not budget_of(page).varies:
            yield f"{page.name}: {queries} queries with more rows, {before['superuser', page.name]} before"


def clients(readers: Mapping[str, User]) -> dict[str, Client]:
    """Sign each reader in."""
    return {"anonymous": Client(), **{name: signed_in(user) for name, user in readers.items()}}


def visit(client: Client, page: Page) -> tuple[int, int]:
    """Return the status and how many queries it took, at the worst moment.

    That is when the visit is noted, once a minute; the settings of tests let nothing be kept in the process.
    """
    Session.objects.update(last_seen_at=None)
    connection.queries_log.clear()
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(connection) as captured:
        response = client.get(page.address)
        if response.streaming:
            list(response)
    return response.status_code, len(captured)


def told(page: Page, reader: str, status: int, queries: int) -> Iterator[str]:
    """Say what is wrong."""
    if status not in page.answers(reader):
        yield f"{page.name} answered {status} to {reader}, not {sorted(page.answers(reader))}: {page.address}"
    if queries > budget_of(page).queries:
        yield f"{page.name} took {queries} queries for {reader}"
