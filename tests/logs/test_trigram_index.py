"""The indexes of parts of words: of days that are over, of the hours of the running one, and that searches use them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection
from pytest_django.fixtures import Settings

from accounts.models import Org
from logs.search.index_bounds import cuts
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.plans import RowRange, gathered
from logs.search.session import search_session
from logs.search.slices import Window
from logs.search.text import HAYSTACK
from logs.storage import trigram_index
from logs.storage.rollup import repair
from logs.storage.trigram_index import TrigramIndex, built_parts
from logs.tasks import index_log_parts
from services.models import Service
from services.scopes import scopes_of
from tests.support.factories import make_log, make_service

HOUR = timedelta(hours=1)
TODAY = datetime(2026, 3, 17, tzinfo=UTC)
NOW = TODAY + 12 * HOUR + timedelta(minutes=20)
FILL = """
    INSERT INTO logs (org_id, service_id, environment_id, ts, level, message)
    SELECT %(org)s, %(service)s, %(environment)s, %(start)s::timestamptz + n * %(each)s, 'info', 'call ' || md5(n::text)
    FROM generate_series(0, %(count)s - 1) n
"""


@pytest.fixture
def days(settings: Settings) -> Iterator[list[str]]:
    """Yesterday and today, as partitions that exist beyond the test's transaction; all rows are kept."""
    settings.LOG_SEAL = False
    cuts.forget()
    made = [f"logs_{day:%Y%m%d}" for day in (TODAY - timedelta(days=1), TODAY)]
    with connection.cursor() as cursor:
        for name, day in zip(made, (TODAY - timedelta(days=1), TODAY), strict=True):
            cursor.execute(f"CREATE TABLE {name} PARTITION OF logs FOR VALUES FROM ('{day}') TO ('{day + 24 * HOUR}')")
    yield made
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {', '.join(made)}")
    cuts.forget()


@pytest.fixture
def service(org: Org) -> Service:
    return make_service(org, "api", environments=("production",))


def fill(service: Service, start: datetime, count: int, *, each: timedelta) -> None:
    """Store `count` logs from `start` on and count them, as ingest would."""
    environment = service.environments.get()
    values = {"org": service.org_id, "service": service.pk, "environment": environment.pk}
    with connection.cursor() as cursor:
        cursor.execute(FILL, {**values, "start": start, "count": count, "each": each})
    repair(start, start + count * each)


def build_all(now: datetime) -> list[object]:
    built = []
    while name := index_log_parts(now)["built"]:  # type: ignore[index]
        built.append(name)
    cuts.forget()
    return built


@pytest.mark.django_db(transaction=True)
def test_days_that_are_over_have_one(days: list[str]) -> None:
    assert build_all(NOW) == [f"{days[0]}_parts_idx"]
    assert build_all(NOW + timedelta(days=1)) == [f"{days[1]}_parts_idx"]


@pytest.mark.django_db(transaction=True)
def test_full_hours_of_today_have_one_until_the_day_has(
    days: list[str], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigram_index, "FEWEST_ROWS", 100)
    fill(service, TODAY + 8 * HOUR, 120, each=timedelta(minutes=1))
    fill(service, TODAY + 11 * HOUR, 90, each=timedelta(minutes=1))
    assert build_all(TODAY + 11 * HOUR)[0] == f"{days[1]}_parts_202603170800_202603171000"
    # The hour from eleven on has 60 rows, which are too few; then it and the next one are enough.
    assert build_all(NOW) == []
    assert build_all(NOW + HOUR) == []
    fill(service, TODAY + 12 * HOUR + timedelta(minutes=30), 30, each=timedelta(minutes=1))
    assert build_all(NOW + HOUR) == [f"{days[1]}_parts_202603171100_202603171300"]

    assert build_all(NOW + timedelta(days=1)) == [f"{days[1]}_parts_idx"]
    assert [part for part in built_parts() if part.partition == days[1]] == [TrigramIndex(days[1])]


@pytest.mark.django_db(transaction=True)
def test_what_is_too_much_for_one_is_built_in_several(
    days: list[str], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigram_index, "MOST_ROWS", 100)
    fill(service, TODAY - 20 * HOUR, 200, each=timedelta(minutes=1))
    assert build_all(NOW) == [
        f"{days[0]}_parts_202603160400_202603160500",
        f"{days[0]}_parts_202603160500_202603160600",
        f"{days[0]}_parts_202603160600_202603160800",
    ]


@pytest.mark.django_db(transaction=True)
def test_what_an_interrupted_build_left_is_removed(days: list[str], service: Service) -> None:
    make_log(service, ts=TODAY - HOUR)
    with connection.cursor() as cursor:
        left = f"{days[0]}_parts_202603160100_202603160200"
        with pytest.raises(DataError):  # which leaves what a killed build does
            cursor.execute(f"CREATE INDEX CONCURRENTLY {left} ON {days[0]} ((1 / (length(message) * 0)))")
    assert build_all(NOW) == [f"{days[0]}_parts_idx"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [left])
        assert cursor.fetchone() == (None,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.plain_database("looks at a plan")
def test_a_search_asks_the_index_of_each_hour_and_misses_nothing(
    days: list[str], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigram_index, "FEWEST_ROWS", 1_000)
    fill(service, TODAY + 6 * HOUR, 6_000, each=timedelta(seconds=3))
    build_all(TODAY + 9 * HOUR + timedelta(minutes=10))
    build_all(TODAY + 11 * HOUR + timedelta(minutes=10))
    placed = [TODAY + timedelta(hours=hours, minutes=30) for hours in (1, 7, 8, 10, 11)]
    for ts in placed:
        make_log(service, "a needle in here", ts=ts)

    search = prepare(service.org_id, parse("needle"), scopes_of(service.org))
    sql, params = gathered(RowRange(service.org_id, TODAY, NOW), search.parts(walked=False))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert {f"{days[1]}_parts_202603170600_202603170900", f"{days[1]}_parts_202603170900_202603171100"} <= {
        word for line in plan.splitlines() for word in line.split()
    }
    assert days[0] not in plan
    assert sql.count(HAYSTACK) == 2  # where no index has it, each row's letters would be put together for nothing
    pieces = cuts.pieces(TODAY - HOUR, NOW)
    assert [is_indexed for *_, is_indexed in pieces] == [False, True, True, False, True]  # the last: all of yesterday
    with search_session(service.org_id) as session:
        page = newest_page(session, search, Window(TODAY, NOW), now=NOW, seconds=5)
    assert [row.ts for row in page.rows] == placed[::-1]
    assert page.searched_to is None
