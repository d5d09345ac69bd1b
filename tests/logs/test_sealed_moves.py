"""Blocks become rows, and are put together, in the middle of what reads them: each log is still found once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Org
from logs.explorer.export import export
from logs.models import LogBlock, LogEntry
from logs.reading import newest_of_service
from logs.search.histogram import histogram
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.queries import last_logged_at, log_at, matches_up_to, neighbours, oldest_at
from logs.search.rows import LogRow
from logs.search.sealed.pages import newest_shown
from logs.search.sealed.reader import BlockReader
from logs.search.session import SearchSession, search_session
from logs.search.slices import Window
from logs.storage.blocks.seal import seal
from logs.storage.blocks.table import Head
from logs.storage.blocks.unseal import unseal
from logs.storage.partitions import make_days
from services.models import Service
from services.scopes import scopes_of
from tests.logs.sealed_logs import NOW, write
from tests.support.factories import make_service
from tests.support.sealing import seal_everything

DAY = timedelta(days=1)
LOGS = 12
WINDOW = Window(NOW - 6 * DAY, NOW)
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("seals_at_once", "days_of_march", "lists_two"),
]


@pytest.fixture
def lists_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two heads of blocks listed with the rows, no block of two logs be small, and nothing end by its time."""
    monkeypatch.setattr(SearchSession, "_at_most", lambda self, seconds: 60.0)
    monkeypatch.setattr("logs.reading.pages._SEALED_SECONDS", 60.0)
    monkeypatch.setattr("logs.storage.blocks.seal._WORTH_MERGING", 2)
    monkeypatch.setattr("logs.storage.blocks.seal.drop_emptied", lambda now: [])
    for name in (
        "search.sealed.beside.LISTED",
        "search.session.LISTED",
        "search.histogram._LISTED",
        "explorer.export._LISTED",
    ):
        monkeypatch.setattr(f"logs.{name}", 2)
    monkeypatch.setattr(BlockReader.following, "__defaults__", (2,))
    monkeypatch.setitem(newest_shown.__kwdefaults__, "listed", 2)


@pytest.fixture
def service(org: Org) -> Service:
    """A service with logs of three days in blocks of two, and one more environment."""
    make_days(NOW - 5 * DAY, NOW)
    service = make_service(org, "api")
    write(service, [3 * DAY + timedelta(hours=number) for number in range(LOGS)])
    return service


def unseal_all() -> None:
    unseal(WINDOW.start, WINDOW.end)


def merge_all() -> None:
    """Put what is sealed to late logs that are newer than any, again and again."""
    for number in range(2):
        write(Service.objects.get(), [timedelta(hours=49 - number)], message="late")
        seal(NOW, seconds=60)


@pytest.fixture
def before_listing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Do something in another session when heads are asked for that did not come with the rows; once."""
    waiting: list[Callable[[], None]] = []
    heads = BlockReader.heads

    def heads_after(self: BlockReader, *args: Any, **options: Any) -> Iterator[Head]:
        if waiting:
            thread = threading.Thread(target=in_its_session, args=[waiting.pop()])
            thread.start()
            thread.join()
        yield from heads(self, *args, **options)

    monkeypatch.setattr(BlockReader, "heads", heads_after)
    yield waiting.append
    assert not waiting


def in_its_session(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connection.close()


def page(session: SearchSession, org: Org, limit: int = 100) -> list[LogRow]:
    search = prepare(org.pk, parse("old"), scopes_of(org))
    return list(newest_page(session, search, WINDOW, now=NOW, seconds=60, limit=limit).rows)


def counted(session: SearchSession, org: Org) -> int:
    search = prepare(org.pk, parse("old"), scopes_of(org))
    return histogram(session, search, WINDOW, origin=WINDOW.start, step=timedelta(hours=1), seconds=60).total


def exported(_: SearchSession, org: Org) -> int:
    search = prepare(org.pk, parse("old"), scopes_of(org))
    return b"".join(export(search, WINDOW, form="ndjson")).count(b"\n")


@pytest.mark.parametrize("move", [unseal_all, merge_all])
def test_what_moves_is_found_once(
    service: Service, move: Callable[[], None], before_listing: Callable[[Callable[[], None]], None]
) -> None:
    org = service.org
    kinds: dict[str, Callable[[SearchSession], int]] = {
        "page": lambda session: len({row.address for row in page(session, org)}),
        "histogram": lambda session: counted(session, org),
        "export": lambda session: exported(session, org),
        "up to": lambda session: matches_up_to(
            session, prepare(org.pk, parse("old"), scopes_of(org)), WINDOW, most=100, seconds=60
        ) or 0,
    }  # fmt: skip
    found = {}
    for kind, count in kinds.items():
        if move is merge_all or not LogBlock.objects.exists():
            unseal_all()
            LogEntry.objects.filter(message="late").delete()
            seal_everything(most=2)
        before_listing(move)
        with search_session(org.pk) as session:
            found[kind] = count(session)
    assert found == dict.fromkeys(kinds, LOGS)


def test_what_becomes_rows_is_still_the_neighbour_and_the_last(
    service: Service, before_listing: Callable[[Callable[[], None]], None]
) -> None:
    org = service.org
    seal_everything(most=2)
    with search_session(org.pk) as session:
        rows = page(session, org)
        middle = rows[LOGS // 2]
        kinds: dict[str, Callable[[], Any]] = {
            "address": lambda: log_at(session, org.pk, middle.address),
            "neighbours": lambda: neighbours(session, middle, org.pk, count=3),
            "last": lambda: last_logged_at(session, org.pk, None, before=NOW),
            "newest": lambda: newest_of_service(service, since=WINDOW.start, limit=5),
        }
        expected = {kind: look() for kind, look in kinds.items()}
        for kind, look in kinds.items():
            if not LogBlock.objects.exists():
                seal_everything(most=2)
            before_listing(unseal_all)
            assert look() == expected[kind], kind
            assert not LogBlock.objects.exists()
    assert expected["last"] == rows[0].ts == NOW - 3 * DAY
    assert [len(side) for side in expected["neighbours"]] == [3, 3]
    assert oldest_at(SearchSession(org.pk), org.pk) == rows[-1].ts


def test_what_was_listed_together_needs_no_transaction(service: Service) -> None:
    """The first page of what is fresh costs one message, as it did before there were blocks."""
    seal_everything(NOW - 3 * DAY - timedelta(hours=9), most=2)
    with search_session(service.org_id) as session:
        assert len(page(session, service.org, limit=8)) == 8
        assert connection.get_autocommit()
