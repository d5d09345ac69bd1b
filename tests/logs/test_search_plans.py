"""How a search is run: the index each kind of term is found by, the time it may take, and what it costs the others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from accounts.models import Org, User
from logs.search.page import Search, newest_page, prepare
from logs.search.parser import parse
from logs.search.plans import RowRange, is_walk, page_of_slice
from logs.search.session import search_session
from logs.search.slices import Slicer, Window
from pulseops.core.db.statement_timeout import QueryTimeoutError
from services.models import Service
from services.scopes import scopes_of
from tests.logs.conftest import slots_taken
from tests.support.factories import make_log, make_service

NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)
DAY = NOW.replace(hour=0) - timedelta(days=1)
FILL = """
    INSERT INTO logs (org_id, service_id, environment_id, ts, level, message, meta_json, trace_id, request_id)
    SELECT %(org)s, %(service)s, (%(environments)s::uuid[])[1 + (n %% 50 = 0)::int],
        %(day)s::timestamptz + n * interval '4 seconds',
        (ARRAY['info', 'info', 'info', 'debug', 'debug', 'warn', 'info', 'info', 'info', 'error'])[1 + n %% 10],
        'request ' || md5(n::text) || ' took ' || n %% 300 || ' ms at /api/users/' || n,
        jsonb_build_object('user', jsonb_build_object('id', n), 'ok', n %% 2 = 0), md5('t' || n), md5('r' || n)
    FROM generate_series(1, %(count)s) n
"""


def make_day(day: datetime) -> str:
    name = f"logs_{day:%Y%m%d}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {name} PARTITION OF logs FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
        )
    return name


def fill(service: Service, count: int) -> None:
    environments = [service.environments.get(name=each).pk for each in ("staging", "production")]
    scope = {"org": service.org_id, "service": service.pk, "environments": environments}
    with connection.cursor() as cursor:
        cursor.execute(FILL, {**scope, "day": DAY, "count": count})


_FORGET = "DELETE FROM pg_statistic WHERE starelid::regclass::text LIKE 'logs\\_2%'"
_FORGET_18 = """
    SELECT pg_clear_attribute_stats(schemaname::text, tablename::text, attname::text, inherited)
    FROM pg_stats JOIN pg_class c ON c.relname = tablename AND c.relkind = 'r' WHERE tablename LIKE 'logs\\_2%'
"""  # what the owner of a table may do


@pytest.fixture
def full_day(service: Service, outsider: User) -> Search:
    """A day of 20,000 logs, with all its indexes; 1,000 are another organisation's.

    What autovacuum noted of days that tests before this one filled is not to be known.
    """
    name = make_day(DAY)
    fill(service, 19_000)
    fill(make_service(outsider.memberships.get().org), 1_000)
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_18 if connection.pg_version >= 180000 else _FORGET)
        cursor.execute(f"ANALYZE {name}")
    return prepare(service.org_id, parse(""), scopes_of(service.org))


def plan_of(search: Search, query: str, width: timedelta) -> str:
    asked = prepare(search.org_id, parse(query), search.scopes)
    walked = is_walk(asked.rest, width)
    span = RowRange(search.org_id, DAY + timedelta(days=1) - width, DAY + timedelta(days=1))
    sql, params = page_of_slice(span, asked.parts(walked=walked), is_walk=walked, limit=101)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (COSTS OFF) {sql}", params)
        return "\n".join(row[0] for row in cursor.fetchall())


WIDE = timedelta(hours=23)
NARROW = timedelta(minutes=16)
INDEXES = [
    ("", WIDE, "Index Only Scan Backward using logs_20260316_pkey"),
    ("level:error", WIDE, "logs_20260316_org_id_level_ts_idx"),
    ("level:error,warn", WIDE, "logs_20260316_org_id_level_ts_idx"),
    ("service:api env:production", WIDE, "logs_20260316_org_id_service_id_environment_id_ts_idx"),
    ("trace:nobody", WIDE, "logs_20260316_trace_id_idx"),
    ("request:nobody", WIDE, "logs_20260316_request_id_idx"),
    ("user.id:4242", WIDE, "logs_20260316_meta_json_idx"),
    ("notthere", WIDE, "Index Scan Backward using logs_20260316_pkey"),
    ("level:error notthere", WIDE, "logs_20260316_org_id_level_ts_idx"),
    ("user.id:4242 notthere", WIDE, "logs_20260316_meta_json_idx"),
    ("user.id:4242 OR trace:nobody", WIDE, "BitmapOr"),
    ("coupon:*", WIDE, "Index Scan Backward using logs_20260316_pkey"),
    ("user.id:>5", WIDE, "Index Scan Backward using logs_20260316_pkey"),
    ("-request", WIDE, "Index Scan Backward using logs_20260316_pkey"),
    ("is", WIDE, "Index Scan Backward using logs_20260316_pkey"),
    ("request", NARROW, "Index Scan Backward using logs_20260316_pkey"),
]


@pytest.mark.plain_database("looks at plans")
def test_each_kind_of_term_has_its_index(full_day: Search) -> None:
    plans = {query: plan_of(full_day, query, width) for query, width, _ in INDEXES}
    assert {query: plans[query] for query, _, wanted in INDEXES if wanted not in plans[query]} == {}
    assert {query: plan for query, plan in plans.items() if "Seq Scan" in plan or "logs_default" in plan} == {}


def test_a_statement_that_takes_too_long_ends_and_the_session_goes_on(org: Org) -> None:
    with search_session(org.pk) as session:
        with pytest.raises(QueryTimeoutError):
            session.fetch("SELECT pg_sleep(5)", [], seconds=0.05)
        assert session.fetch("SELECT 1", [], seconds=20) == [(1,)]


def test_a_search_out_of_time_says_how_far_it_came_and_goes_on_there(
    service: Service, client_for: Callable[[User], Client], viewer: User, settings: LazySettings
) -> None:
    now = datetime.now(UTC)
    make_log(service, "needle", ts=now - timedelta(minutes=5))
    settings.LOG_SEARCH_SECONDS = settings.LOG_COUNT_SECONDS = 0.0
    client, url, pages = client_for(viewer), "/logs?from=-1h&q=needle", 0
    while "<mark>needle</mark>" not in (seen := client.get(url).content.decode()):
        assert "Searched back to" in seen
        pages += 1
        assert pages < 20
        url = seen.split(">Continue<")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert pages > 1


@pytest.fixture
def _slots_taken(org: Org) -> Iterator[None]:
    """Another session holds all slots of the organisation."""
    with slots_taken(org):
        yield


@pytest.mark.usefixtures("_slots_taken")
def test_slow_searches_wait_for_their_own_organisation_alone(service: Service, outsider: User) -> None:
    other = Service.objects.exclude(pk=service.pk).get()
    window = Window(NOW - timedelta(days=30), NOW)
    for org, is_busy in ((service.org, True), (other.org, False)):
        search = prepare(org.pk, parse("anything"), scopes_of(org))
        with search_session(org.pk) as session:
            session.started -= 1  # as if a second had passed
            page = newest_page(session, search, window, now=NOW, seconds=5)
        assert page.is_busy is is_busy
        assert (page.searched_to is not None) is is_busy


@pytest.mark.usefixtures("_slots_taken")
def test_quick_searches_need_no_slot(service: Service) -> None:
    search = prepare(service.org_id, parse(""), scopes_of(service.org))
    with search_session(service.org_id) as session:
        page = newest_page(session, search, Window(NOW - timedelta(hours=1), NOW), now=NOW, seconds=5)
    assert not page.is_busy


def test_slices_grow_by_what_the_last_one_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    slicer = Slicer(Window(NOW - timedelta(days=30), NOW), seconds=1.0, first=timedelta(minutes=1))
    widths: list[Any] = []
    while part := slicer.take():
        widths.append(part.width)
        clock[0] += part.width.total_seconds() / 36_000  # ten hours of logs a second
        slicer.done()
    assert widths[:4] == [timedelta(minutes=4**n) for n in range(4)]
    assert clock[0] < 1.1
    assert timedelta(hours=7) < NOW - slicer.reached < timedelta(hours=11)


@pytest.mark.plain_database("looks at a plan")
def test_rows_of_a_page_are_fetched_by_their_key_where_nothing_is_known_of_the_day(service: Service) -> None:
    """As of a day that has just begun: a plain join compared each row of the page with each of the day."""
    make_day(DAY)
    fill(service, 600)
    search = prepare(service.org_id, parse(""), scopes_of(service.org))
    sql, params = page_of_slice(RowRange(service.org_id, DAY, NOW), search.parts(walked=True), is_walk=True, limit=500)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (COSTS OFF) {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Join Filter" not in plan
    assert re.search(r"Index Cond: .*page\.ts.*page\.id", plan), plan
