"""`manage.py distribute`, on a database without Citus and (by make test-citus) on a cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from logs.storage import distribute, partitions
from pulseops.core.db.distribution import distributed_tables, forget_distribution
from tests.support import citus


@pytest.mark.plain_database("asks a server without Citus")
@pytest.mark.django_db
class TestWithoutCitus:
    def test_it_says_what_is_missing(self) -> None:
        with pytest.raises(CommandError, match="CREATE EXTENSION citus"):
            call_command("distribute")

    def test_migrate_leaves_the_tables_where_they_are(self) -> None:
        out = StringIO()
        distribute.distribute_new_database(apps=object(), stdout=out)
        forget_distribution()
        assert (out.getvalue(), distributed_tables()) == ("", frozenset())


def test_a_days_name_says_its_bounds() -> None:
    day = datetime(2026, 11, 29, tzinfo=UTC)
    assert distribute._bounds("logs_20261129") == (day, day + partitions.DAY)
    assert distribute._bounds("logs_before_20261129") == (partitions.EARLIEST, day)


@pytest.mark.skipif(not citus.is_cluster(), reason="wants a cluster: make test-citus")
@pytest.mark.django_db
def test_a_cluster_has_all_days_and_nothing_left_to_do() -> None:
    out = StringIO()
    call_command("distribute", "--dry-run", stdout=out)
    assert len(out.getvalue().splitlines()) == 1  # settings and rights, which are set again at each run
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'logs'::regclass "
            "AND inhrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition)"
        )
        assert cursor.fetchall() == []
    made = partitions.make_days_ahead(datetime(2027, 3, 1, tzinfo=UTC))
    forget_distribution()
    assert {*made, *distribute.TABLES} <= distributed_tables()
