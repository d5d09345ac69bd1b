"""Partitions by day: made ahead, given to strays, dropped when all of it is past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Org
from logs.models import LogEntry
from logs.storage import partitions, retention
from logs.storage.distribute import TABLES
from logs.storage.partitions import DAY, Partition
from logs.tasks import delete_expired_logs, keep_log_partitions
from pulseops.core.db.distribution import LONGEST_INDEX_NAME
from services.models import Environment, Service
from tests.logs.counted_logs import as_counted, write
from tests.support.factories import make_service

NOW = timezone.now()
OLD = (NOW - timedelta(days=40)).replace(hour=12)


@pytest.fixture
def environment(org: Org) -> Environment:
    return make_service(org, "api", environments=("production",), retention_days=90).environments.get()


def named(name: str) -> Partition | None:
    return next((each for each in partitions.partitions() if each.name == name), None)


def where(message: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM logs WHERE message LIKE %s", [f"{message}%"])
        [[name]] = cursor.fetchall()
    return str(name)


def estimated(table: str, condition: str, *params: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT FROM {table} WHERE {condition}", params)
        [[[plan]]] = cursor.fetchall()
    return int(plan["Plan"]["Plan Rows"])


@pytest.mark.django_db
class TestDays:
    def test_migrate_makes_the_first(self) -> None:
        found = partitions.partitions()
        assert found[0].is_default
        assert {f"logs_{NOW + n * DAY:%Y%m%d}" for n in range(-1, 3)} <= {each.name for each in found}
        today = named(f"logs_{NOW:%Y%m%d}")
        assert today is not None
        assert today.end - today.start == DAY
        assert today.start <= NOW < today.end

    def test_days_are_made_ahead_once(self) -> None:
        later = NOW + timedelta(days=30)
        made = partitions.make_days_ahead(later)
        assert made == [f"logs_{later + n * DAY:%Y%m%d}" for n in range(4)]
        assert partitions.make_days_ahead(later) == []

    @pytest.mark.plain_database("looks at a plan")
    def test_planner_can_estimate_a_service_and_a_part_of_a_word(self, org: Org) -> None:
        day = NOW + timedelta(days=30)
        [name, *_] = partitions.make_days_ahead(day)
        for number in range(10):
            service = make_service(org, f"service {number}", environments=("production",))
            write(service.environments.get(), *(day.replace(second=second) for second in range(20)))
        scope = [org.pk, service.pk, service.environments.get().pk]
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {name}")
        assert 15 <= estimated(name, "org_id = %s AND service_id = %s AND environment_id = %s", *scope) <= 25
        assert estimated(name, "lower(message) LIKE %s", "%ivm%") < 5  # of 200; unknown, it would be 40

    @pytest.mark.plain_database("tableoid names a shard")
    def test_strays_get_days_of_their_own(self, environment: Environment) -> None:
        write(environment, OLD, OLD + timedelta(minutes=1), OLD - DAY)
        assert where(f"x {OLD - DAY}") == "logs_default"
        result = keep_log_partitions()
        assert result is not None
        assert result["moved"] == {f"logs_{OLD - DAY:%Y%m%d}": 1, f"logs_{OLD:%Y%m%d}": 2}
        assert where(f"x {OLD - DAY}") == f"logs_{OLD - DAY:%Y%m%d}"
        write(environment, OLD + timedelta(minutes=5), text="later")
        assert where("later") == f"logs_{OLD:%Y%m%d}"
        assert LogEntry.objects.count() == 4

    def test_a_day_made_later_has_every_index(self, environment: Environment) -> None:
        write(environment, OLD)
        keep_log_partitions()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND indisvalid", [f"logs_{OLD:%Y%m%d}"]
            )
            (on_the_day,) = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM pg_index WHERE indrelid = 'logs'::regclass")
            assert on_the_day == cursor.fetchone()[0]


@pytest.mark.django_db
class TestRetention:
    def test_a_day_that_no_one_keeps_is_dropped(self, environment: Environment) -> None:
        write(environment, OLD, OLD + timedelta(hours=1), NOW)
        keep_log_partitions()
        Service.objects.update(retention_days=30)
        result = delete_expired_logs()
        assert result == {"deleted": 2, "dropped": [f"logs_{OLD:%Y%m%d}"]}
        assert named(f"logs_{OLD:%Y%m%d}") is None
        assert sum(as_counted().values()) == 1

    def test_a_day_that_one_service_keeps_loses_the_others(self, environment: Environment, org: Org) -> None:
        other = make_service(org, "web", retention_days=30).environments.get(name="staging")
        write(environment, OLD)
        write(other, *(OLD + n * timedelta(seconds=7) for n in range(40)), NOW)
        keep_log_partitions()
        assert delete_expired_logs() == {"deleted": 40, "dropped": []}
        assert named(f"logs_{OLD:%Y%m%d}") is not None
        assert LogEntry.objects.filter(service=other.service).count() == 1
        assert sum(as_counted().values()) == 2

    def test_batches_end_at_minutes(self, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retention, "BATCH", 3)
        write(environment, *(OLD + n * timedelta(seconds=7) for n in range(50)), NOW)
        Service.objects.update(retention_days=30)
        assert retention.delete_expired().deleted == 50
        assert sum(as_counted().values()) == 1

    def test_what_a_change_will_delete(self, environment: Environment) -> None:
        write(environment, OLD, OLD + DAY, NOW)
        assert retention.expired_soon(environment.service, 30) == 2
        assert retention.expired_soon(environment.service, 60) == 0


def test_bounds_are_read_as_utc() -> None:
    read = partitions._read("a", "FOR VALUES FROM (MINVALUE) TO ('2026-11-23 02:00:00+02')", 0)
    assert (read.start, read.end) == (partitions.EARLIEST, datetime(2026, 11, 23, tzinfo=UTC))


# -- What grows past one machine ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_names_of_indexes_leave_room_for_what_is_appended() -> None:
    partitions.make_days(NOW + 20 * DAY, NOW + 20 * DAY)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, own.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class own ON own.oid = x.indexrelid "
            "WHERE i.inhparent = 'logs'::regclass"
        )
        names = [(table, index) for table, index in cursor.fetchall()]
    assert f"logs_{NOW + 20 * DAY:%Y%m%d}_scope_ts_idx" in {index for _, index in names}
    assert "logs_default_error_received_idx" in {index for _, index in names}
    assert len({len([each for each in names if each[0] == table]) for table, _ in names}) == 1  # all have the same
    assert [index for _, index in names if len(index) > LONGEST_INDEX_NAME] == []


@pytest.mark.django_db
def test_what_is_distributed_has_neither_foreign_keys_nor_triggers() -> None:
    tables = "(" + ", ".join(f"'{table}'::regclass" for table in TABLES) + ")"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND conrelid IN {tables} "
            f"UNION ALL SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgrelid IN {tables} AND NOT tgisinternal"
        )
        assert cursor.fetchall() == []
        cursor.execute(
            f"SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indrelid IN {tables} "
            "AND NOT EXISTS (SELECT FROM pg_attribute "
            "WHERE attrelid = indrelid AND attname = 'org_id' AND attnum = ANY(indkey))"
        )
        assert cursor.fetchall() == []
