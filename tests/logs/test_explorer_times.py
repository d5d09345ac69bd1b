"""Times in the explorer: hours that come twice, days other than today, and the zone as it was when a row was logged."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Org, User
from pulseops.core.ui import charts, times
from pulseops.core.ui.chart_axes import Extent, ticks
from services.models import Service
from tests.logs.reading import page
from tests.support.factories import make_log, make_service

CHANGE = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # summer time ends in Berlin: 02:00 to 03:00 comes twice
SPRING = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
WINTER = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def client(client_for: Callable[[User], Client], viewer: User) -> Client:
    client = client_for(viewer)
    client.cookies["tzname"] = "Europe/Berlin"
    return client


@pytest.fixture
def service(org: Org) -> Service:
    return make_service(org, "api")


def bars(seen: str) -> int:
    """Add up what the bars of the page's chart say that they are."""
    chart = seen.partition("data-chart")[2].partition("</svg>\n</div>")[0]
    return sum(int(count) for count in re.findall(r"<title>[^<]*: ([0-9]+) info</title>", chart))


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [
        ("2026-10-24T21:00:00Z", "2026-10-25T03:00:00Z", 36),  # over the hour that comes twice
        ("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", 6),  # the first of the two alone
        ("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", 6),  # and the second
        ("2026-10-20T00:00:00Z", "2026-10-28T00:00:00Z", 36),
    ],
)
@pytest.mark.parametrize("query", ["", "tick"])
def test_head_bars_and_rows_agree_over_an_hour_that_comes_twice(
    client: Client, service: Service, since: str, until: str, count: int, query: str
) -> None:
    for number in range(36):
        make_log(service, f"tick {number}", ts=CHANGE - timedelta(hours=4) + timedelta(minutes=10 * number))
    seen = page(client, f"q={query}&from={since}&to={until}")
    assert f"<strong>{count} logs</strong>" in seen
    assert seen.count("data-log=") == count
    assert bars(seen) == count


def test_the_hour_that_summer_time_skips_is_counted(client: Client, service: Service) -> None:
    for number in range(12):
        make_log(service, "tick", ts=SPRING - timedelta(hours=1) + timedelta(minutes=10 * number))
    seen = page(client, "from=2026-03-28T23:00:00Z&to=2026-03-29T03:00:00Z")
    assert "<strong>12 logs</strong>" in seen
    assert bars(seen) == 12


def test_rows_name_the_zone_as_it_was(client: Client, service: Service) -> None:
    """In winter, times of summer are CEST; where a list has both, each row says which it is."""
    with time_machine.travel(WINTER, tick=False):
        make_log(service, "in summer", ts=CHANGE - timedelta(minutes=30))
        make_log(service, "in winter", ts=CHANGE + timedelta(minutes=30))
        summer = page(client, "from=2026-10-25T00:00:00Z&to=2026-10-25T01:00:00Z")
        assert "time CEST</span>" in summer
        assert ">02:30:00.000</time>" in summer
        assert re.search(r"02:00:00 CEST</time> to <time[^>]*>2026-10-25 02:00:00 CET</time>", summer)
        both = page(client, "from=2026-10-25T00:00:00Z&to=2026-10-25T03:00:00Z")
        assert ">02:30:00.000 CEST</time>" in both
        assert ">02:30:00.000 CET</time>" in both


def test_other_times_of_the_page_name_the_zone_as_it_was(client: Client, service: Service) -> None:
    with time_machine.travel(WINTER, tick=False):
        log = make_log(service, "in summer", ts=CHANGE - timedelta(minutes=30))
        assert (
            "2026-10-25 02:30:00.000 CEST"
            in client.get(f"/logs/{int(log.ts.timestamp() * 1e6)}-{log.pk}").content.decode()
        )
        with timezone.override(ZoneInfo("Europe/Berlin")):
            assert times.span(CHANGE - timedelta(minutes=30), CHANGE) == "2026-10-25 02:30:00 CEST to 02:00:00 CET"


def test_a_time_that_comes_twice_is_typed_with_its_offset(client: Client, service: Service) -> None:
    seen = page(client, "from=2026-10-25T01:30:00Z&to=2026-10-25T03:00:00Z")
    assert 'name="from" value="2026-10-25 02:30:00+01:00"' in seen
    seen = page(client, "from=2026-10-25+02:30&to=2026-10-25+02:30")
    assert re.search(r"02:30:00 CEST</time> to <time[^>]*>2026-10-25 02:30:00 CET</time>", seen)


def test_ticks_of_an_hour_that_comes_twice_are_distinguished() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        hours = ticks(Extent(CHANGE - timedelta(hours=3), CHANGE + timedelta(hours=3)))
        assert [tick.label for tick in hours] == ["01:00", "02:00 CEST", "02:00 CET", "03:00", "04:00"]
        days = ticks(Extent(CHANGE - timedelta(days=3, hours=3), CHANGE + timedelta(days=3)))
        assert [tick.label for tick in days] == [f"{day} Oct" for day in range(23, 28)]


def test_a_chart_of_centuries_has_few_ticks() -> None:
    assert len(ticks(Extent(datetime(1900, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)))) < 10


def test_bars_of_days_say_both_zones_where_they_change() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        start = times.local_midnight(CHANGE)
        chart = charts.stacked_histogram([charts.Bucket(start, start + timedelta(days=1), {"info": 1})])
        assert chart.bars[0].title == "2026-10-25 00:00:00 CEST to 23:00:00 CET: 1 info"


def test_rows_of_another_day_stand_under_its_name(client: Client, service: Service) -> None:
    now = datetime(2026, 3, 17, 9, 0, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        make_log(service, "from a clock 20 h ahead", ts=now + timedelta(hours=20))
        make_log(service, "from a clock 2 h ahead", ts=now + timedelta(hours=2))
        make_log(service, "now", ts=now)
        make_log(service, "last night", ts=now - timedelta(hours=12))
        seen = page(client, "from=-24h")
    found = re.findall(r'class="log-day">(.*?)</li>|class="log__message">(.*?)</span>', seen)
    assert ["".join(each) for each in found] == [
        "Tomorrow, 18 Mar · ahead of now", "from a clock 20 h ahead",
        "Today, 17 Mar · ahead of now", "from a clock 2 h ahead",
        "Today, 17 Mar", "now",
        "Yesterday, 16 Mar", "last night",
    ]  # fmt: skip


def test_rows_of_today_need_no_date(client: Client, service: Service) -> None:
    now = datetime(2026, 3, 17, 9, 0, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        make_log(service, "now", ts=now)
        assert 'class="log-day"' not in page(client)
        make_log(service, "years ago", ts=datetime(2024, 2, 29, 12, 0, tzinfo=UTC))
        assert 'class="log-day">Thu 29 Feb 2024</li>' in page(client, "from=2024-02-29T00:00&to=2024-03-01T00:00")
