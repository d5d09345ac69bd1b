"""The histogram and the facets count what is there, whether the roll-up or the rows tell."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Org
from logs.models import LogCount, LogEntry
from logs.search.histogram import Counts, bar_origin, bar_step, count_of_rows, histogram
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.session import search_session
from logs.search.slices import Window
from services.models import Service
from services.scopes import scopes_of
from tests.support.factories import make_log

NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)


def counted(org: Org, query: str, window: Window, until: datetime | None = None) -> Counts:
    step = bar_step((until or window.end) - window.start)
    origin = bar_origin(window.start, step, window.start.replace(hour=0, minute=0, second=0, microsecond=0))
    with search_session(org.pk) as session:
        search = prepare(org.pk, parse(query), scopes_of(org))
        return histogram(session, search, window, origin=origin, step=step, seconds=10, until=until)


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (timedelta(milliseconds=1), timedelta(milliseconds=10)),
        (timedelta(minutes=5), timedelta(seconds=5)),
        (timedelta(hours=1), timedelta(minutes=1)),
        (timedelta(hours=24), timedelta(minutes=20)),
        (timedelta(days=7), timedelta(hours=2)),
        (timedelta(days=30), timedelta(hours=12)),
        (timedelta(days=365), timedelta(days=4)),
        (timedelta(days=3650), timedelta(days=31)),
    ],
)
def test_bars_are_of_a_round_length(length: timedelta, step: timedelta) -> None:
    assert bar_step(length) == step


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=146_000)))
def test_there_are_about_60_to_120_bars(length: timedelta) -> None:
    assert 40 <= -(-length // bar_step(length)) <= 120


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.lists(st.floats(-3_000, 30_000), max_size=12),
    start=st.floats(60, 30_000),
    length=st.floats(0.001, 30_000),
    query=st.sampled_from(["", "hello", "level:info", "-nothing", "service:api env:prod"]),
)
def test_counts_are_the_rows_of_the_window(
    service: Service, ages: list[float], start: float, length: float, query: str
) -> None:
    LogEntry.objects.all().delete()
    LogCount.objects.all().delete()
    for age in ages:
        make_log(service, ts=NOW - timedelta(seconds=age))
    window = Window(NOW - timedelta(seconds=start), NOW - timedelta(seconds=start) + timedelta(seconds=length))
    counts = counted(service.org, query, window)
    expected = list(LogEntry.objects.filter(ts__gte=window.start, ts__lt=window.end).values_list("ts", flat=True))
    assert counts.is_complete
    assert counts.total == sum(counts.bars.values()) == len(expected)
    by_bar = Counter(bar for ts in expected for bar, _ in counts.bars if bar <= ts < bar + counts.step)
    assert by_bar == Counter({bar: number for (bar, _), number in counts.bars.items()})


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ages=st.lists(st.floats(-3_000, 30_000), max_size=12), start=st.floats(60, 30_000), length=st.floats(1, 60_000))
def test_a_page_that_has_all_rows_is_counted_as_the_rows_are(
    service: Service, ages: list[float], start: float, length: float
) -> None:
    LogEntry.objects.all().delete()
    for age in ages:
        make_log(service, ts=NOW - timedelta(seconds=age))
    window = Window(NOW - timedelta(seconds=start), NOW - timedelta(seconds=start) + timedelta(seconds=length))
    until = min(window.end, NOW)
    counts = counted(service.org, "hello", window, until)
    with search_session(service.org_id) as session:
        search = prepare(service.org_id, parse("hello"), scopes_of(service.org))
        page = newest_page(session, search, window, now=NOW, seconds=10)
    origin = bar_origin(window.start, counts.step, window.start.replace(hour=0, minute=0, second=0, microsecond=0))
    again = count_of_rows(page.rows, window, origin=origin, step=counts.step, until=until)
    assert again == counts


def test_lines_ahead_of_now_stand_in_the_last_bar(service: Service) -> None:
    make_log(service, ts=NOW + timedelta(hours=3))
    window = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=25))
    counts = counted(service.org, "", window, until=NOW)
    assert list(counts.bars) == [(NOW - timedelta(minutes=1), "info")]


def test_another_organisations_logs_are_not_counted(service: Service, outsider: object) -> None:
    other = Service.objects.exclude(org=service.org).get()
    make_log(other, ts=NOW)
    window = Window(NOW - timedelta(hours=2), NOW + timedelta(hours=1))
    assert counted(service.org, "", window).total == counted(service.org, "hello", window).total == 0
