"""The life of sealed logs: sealing, late ones, deleting, and the way back."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.utils import quote
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Org, User
from logs.cursor import microseconds
from logs.models import LogBlock, LogCount, LogEntry
from logs.search.histogram import histogram
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.session import search_session
from logs.search.slices import Window
from logs.storage import rollup
from logs.storage.blocks.codec import Rows
from logs.storage.blocks.seal import drop_emptied, seal
from logs.storage.blocks.table import Place, insert_block
from logs.storage.partitions import make_days, partitions
from logs.storage.retention import delete_expired
from logs.tasks import seal_logs
from services.models import Service
from services.scopes import scopes_of
from tests.logs.sealed_logs import NOW, everything, sealed, write
from tests.support.factories import make_log, make_org, make_service, make_user
from tests.support.sealing import seal_everything

DAY = timedelta(days=1)


@pytest.mark.django_db
@pytest.mark.usefixtures("seals_at_once")
def test_what_is_fresh_and_what_was_received_lately_stays_rows(service: Service, settings: Settings) -> None:
    settings.LOG_FRESH_HOURS = 24
    write(service, [timedelta(hours=1), timedelta(hours=23), timedelta(days=3)])
    write(service, [timedelta(days=3)], created_at=NOW - timedelta(hours=2), message="late")
    assert seal(NOW, seconds=60).logs == 1
    assert sealed(service.org) == ["old 2"]
    assert LogEntry.objects.count() == 3
    assert seal(NOW + DAY, seconds=60).logs == 2  # less than a block waits until its day is over
    assert seal(NOW + 2 * DAY, seconds=60).logs == 1
    assert not LogEntry.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("seals_at_once")
def test_a_full_block_does_not_wait_for_its_day(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("seal", "rows"):
        monkeypatch.setattr(f"logs.storage.blocks.{name}.BLOCK_LOGS", 10)
    write(service, [timedelta(hours=3, seconds=number) for number in range(25)])
    done = seal(NOW, seconds=60)
    assert (done.logs, done.blocks) == (20, 2)


@pytest.mark.django_db
@pytest.mark.usefixtures("seals_at_once")
def test_a_backlog_of_many_days_is_sealed_whole(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of days that fill no block, and of the partition that a legacy table has become, which has no beginning."""
    for module in ("seal", "rows"):
        monkeypatch.setattr(f"logs.storage.blocks.{module}.BLOCK_LOGS", 4)
    make_days(NOW - 8 * DAY, NOW)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE logs_legacy PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('2026-03-01')")
    busy, quiet = make_service(org, "busy"), make_service(org, "quiet")
    write(busy, [day * DAY + timedelta(minutes=number) for day in range(2, 8) for number in range(7)])
    write(quiet, [day * DAY for day in (3, 7, 30)], message="quiet")
    assert seal(NOW, seconds=60).logs == 45
    assert not LogEntry.objects.exists()
    assert everything(org) == Counter({**{f"old {number}": 1 for number in range(42)}, "quiet": 3})


@pytest.mark.django_db
@pytest.mark.usefixtures("seals_at_once")
def test_late_logs_become_part_of_a_small_block(service: Service) -> None:
    write(service, [3 * DAY, 3 * DAY + timedelta(seconds=1)])
    seal(NOW, seconds=60)
    write(service, [3 * DAY + timedelta(seconds=2)], message="late")
    seal(NOW, seconds=60)
    assert LogBlock.objects.count() == 1
    assert sealed(service.org) == ["late", "old 1", "old 0"]


@pytest.mark.django_db
def test_nothing_is_sealed_where_it_is_switched_off(service: Service, settings: Settings) -> None:
    settings.LOG_SEAL = False
    write(service, [9 * DAY])
    assert seal_logs(NOW) == {"logs": 0, "blocks": 0, "failed": 0, "dropped": []}
    assert LogEntry.objects.count() == 1


@pytest.mark.django_db
def test_a_log_that_no_block_can_hold_stays_a_row(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.storage.blocks.packing.MAX_SECTION", 2_000)
    monkeypatch.setattr("logs.storage.blocks.seal._SHARE", 1.0)
    write(service, [3 * DAY, 3 * DAY + timedelta(seconds=1)])
    write(service, [3 * DAY], message="x" * 3_000)
    assert seal(NOW, seconds=60).logs == 2
    assert [len(log.message) for log in LogEntry.objects.all()] == [3_000]
    assert seal(NOW, seconds=60).logs == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("seals_at_once")
def test_json_too_deep_for_python_stays_a_row(service: Service) -> None:
    write(service, [3 * DAY, 3 * DAY + timedelta(seconds=1)])
    deep = "[" * 950 + "]" * 950
    with connection.cursor() as cursor:
        cursor.execute("UPDATE logs SET meta_json = jsonb_build_object('a', %s::jsonb) WHERE message = 'old 1'", [deep])
    done = seal(NOW, seconds=60)
    assert (done.logs, done.failed) in {(1, 0), (2, 0)}  # how deep Python goes depends on where it stands
    assert sum(everything(service.org).values()) == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("seals_at_once")
def test_what_fails_for_one_place_stops_no_other(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_service(make_org("Other"), "api")
    for each in (service, other):
        write(each, [3 * DAY])

    def refuse(place: Place, rows: Rows) -> None:
        if place.org_id == other.org_id:
            raise OverflowError
        insert_block(place, rows)

    monkeypatch.setattr("logs.storage.blocks.seal.insert_block", refuse)
    done = seal(NOW, seconds=60)
    assert (done.logs, done.failed) == (1, 1)
    assert LogEntry.objects.get().org_id == other.org_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("seals_at_once", "days_of_march")
def test_a_day_without_rows_is_dropped(org: Org) -> None:
    make_days(NOW - 3 * DAY, NOW - 3 * DAY)
    service = make_service(org, "api")
    write(service, [3 * DAY])
    assert seal(NOW, seconds=60).dropped == []
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("LOCK TABLE logs_20260314 IN ACCESS SHARE MODE")
        thread = threading.Thread(target=drop_meanwhile)
        thread.start()
        thread.join()  # one that is in use is left for the next run
    assert seal(NOW, seconds=60).dropped == ["logs_20260314"]
    assert "logs_20260314" not in {partition.name for partition in partitions()}
    assert sealed(org) == ["old 0"]
    assert sum(LogCount.objects.values_list("count", flat=True)) == 1


def drop_meanwhile() -> None:
    try:
        assert drop_emptied(NOW) == []
    finally:
        connection.close()


@pytest.mark.django_db
def test_retention_takes_sealed_logs_to_the_minute(org: Org) -> None:
    service, other = make_service(org, "api", retention_days=7), make_service(org, "worker", retention_days=30)
    ages = [5 * DAY + timedelta(hours=number) for number in range(0, 96, 6)]
    write(service, ages)
    write(other, ages)
    seal_everything()
    write(service, [9 * DAY], message="late")
    limit = NOW - timedelta(minutes=5) - 7 * DAY
    gone = sum(NOW - age < limit for age in ages) + 1
    assert delete_expired(NOW).deleted == gone
    assert len(sealed(org)) == 2 * len(ages) - gone + 1
    assert rollup.repair(org_id=org.pk).wrong_minutes == 0
    assert delete_expired(NOW).deleted == 0


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["environment", "service", "org"])
def test_sealed_logs_go_with_their_scope(what: str, org: Org) -> None:
    service, kept = make_service(org, "api"), make_service(make_org("Other"), "api")
    for each in (service, kept):
        write(each, [3 * DAY, 4 * DAY])
    seal_everything()
    {"environment": service.environments.get(name="production"), "service": service, "org": org}[what].delete()
    assert sealed(org) == []
    assert len(sealed(kept.org)) == 2


@pytest.mark.django_db
def test_the_admin_lists_both_forms(client_for: Callable[[User], Client], service: Service) -> None:
    client, place = client_for(make_user(is_superuser=True)), "/admin/logs/logentry/"
    other = make_service(make_org("Other"), "api")
    write(service, [timedelta(hours=30 + number) for number in range(60)], trace_id="t-old")
    write(other, [timedelta(hours=30)], message="theirs", level="error", request_id="r-7")
    make_log(service, "fresh", ts=NOW)
    seal_everything(NOW - timedelta(hours=1))

    def listed(query: str) -> list[str]:
        found = client.get(f"{place}?{query}").context["cl"].result_list
        return sorted(log.message for log in found)

    pages = [listed(f"p={number}") for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [50, 12, 0]
    assert sorted(pages[0] + pages[1]) == sorted(["fresh", "theirs", *(f"old {number}" for number in range(60))])
    assert listed("level__exact=error") == listed("q=r-7") == ["theirs"]
    assert len(listed("q=t-old")) == 50
    assert listed("q=t-old+r-7") == listed("q=unknown") == []

    [log] = client.get(f"{place}?q=r-7").context["cl"].result_list
    url = client.get(f"{place}?q=r-7").context["cl"].url_for_result(log)
    assert "theirs" in client.get(url).content.decode()
    fresh = LogEntry.objects.get()
    for name in (fresh.pk, f"{fresh.org_id}.{microseconds(fresh.ts)}-{fresh.pk}"):
        assert "fresh" in client.get(f"{place}{quote(str(name))}/change/").content.decode()
    for name in (f"{fresh.org_id}.1-1", "x.1-1", "x", f"{fresh.org_id}."):
        assert client.get(f"{place}{quote(name)}/change/").status_code == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("days_of_march")
def test_unsealed_logs_are_the_rows_that_they_were(org: Org, settings: Settings) -> None:
    service = make_service(org, "api")
    meta = {"n": 9007199254740993, "t": "ü", "deep": [1, {"a": None}]}
    write(service, [3 * DAY, 3 * DAY + timedelta(hours=20)], meta_json=meta, trace_id="", request_id=None)
    columns = [field.attname for field in LogEntry._meta.fields]
    before = list(LogEntry.objects.order_by("id").values_list(*columns))
    seal_everything()
    settings.LOG_SEAL = True
    with pytest.raises(CommandError, match="LOG_SEAL=0"):
        call_command("unseal", "2026-03-01", "2026-04-01")
    settings.LOG_SEAL = False
    call_command("unseal", "2026-03-01", "2026-04-01")
    assert list(LogEntry.objects.order_by("id").values_list(*columns)) == before
    assert not LogBlock.objects.exists()
    assert {"logs_20260313", "logs_20260314"} <= {partition.name for partition in partitions()}
    assert json.dumps(before[0][columns.index("meta_json")]) == json.dumps(meta)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("seals_at_once", "days_of_march")
def test_every_log_is_found_once_while_it_is_sealed(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, during and after: neither a page nor a count ever misses one or has it twice."""
    services = [make_service(org, name) for name in ("api", "worker")]
    for service in services:
        write(service, [3 * DAY + timedelta(seconds=number) for number in range(150)])
    for name in ("seal", "rows"):  # many small ones, put to each other
        monkeypatch.setattr(f"logs.storage.blocks.{name}.BLOCK_LOGS", 7)
    scopes, window, is_over = scopes_of(org), Window(NOW - 5 * DAY, NOW), threading.Event()
    blocks: set[int] = set()

    def seal_all() -> None:
        try:
            seal(NOW, seconds=60)
        finally:
            is_over.set()
            connection.close()

    thread = threading.Thread(target=seal_all)
    thread.start()
    looks = 0
    while not is_over.is_set() or looks < 2:
        with search_session(org.pk) as session:
            search = prepare(org.pk, parse("old"), scopes)
            found = newest_page(session, search, window, now=NOW, seconds=60, limit=400).rows
            assert len({row.address for row in found}) == len(found) == 300
            counts = histogram(session, search, window, origin=window.start, step=timedelta(hours=1), seconds=60)
            assert (counts.total, counts.is_complete) == (300, True)
        blocks.add(LogBlock.objects.count())
        looks += 1
    thread.join()
    assert not LogEntry.objects.exists()
    assert len(blocks) > 1
