"""`logs` has no policy, so its readers are few, and each of them names the organisation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Org
from logs.cursor import LogCursor
from logs.search.conditions import Condition
from logs.search.plans import RowRange
from logs.search.queries import log_at
from logs.search.rows import ForeignRowError
from logs.search.sealed.reader import BlockReader
from logs.search.session import SearchSession
from logs.storage.blocks.table import BlockRange
from pulseops.core.db.row_security import Scope, within_wall
from tests.support.factories import make_log, make_org, make_service

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "alerts", "deployments", "incidents", "logs", "notifications", "pulseops", "services")
# Who reads logs for pages and rules; what stands in braces is `RowRange.condition`, or `_SCOPE` of logs/reading.
READERS = {
    "logs/search/plans.py",
    "logs/search/queries.py",
    "logs/search/histogram.py",
    "logs/reading/pages.py",
    "logs/reading/rules.py",
}
# Who touches them otherwise, and whose they are there.
OTHERS = {
    "logs/ingest/guards.py": "locks the table",
    "logs/ingest/store.py": "the API key's",
    "logs/storage/blocks/rows.py": "of what is sealed, by `Place`",
    "logs/storage/bulk_delete.py": "of what is deleted",
    "logs/storage/distribute.py": "hands the table to Citus",
    "logs/storage/partitions.py": "makes partitions",
    "logs/storage/retention.py": "the oldest, by service",
    "logs/storage/rollup.py": "counts, by organisation",
    "pulseops/demo/logs.py": "the demo's",
}
_STATEMENT = re.compile(
    r"""\b(?:FROM|JOIN|INTO|UPDATE|COPY|TABLE|ONLY)\s+"?logs"?(?=[\s"(,;]|$)(?!\s+of)|\bLogEntry\.(?:objects|_default)"""
)
# Who reads what is sealed: `BlockRange` names the organisation in each statement for pages; others are jobs' or sums.
OF_BLOCKS = {
    "logs/storage/blocks/table.py": "BlockRange",
    "logs/storage/distribute.py": "whether there are any, before they go to Citus",
    "logs/storage/sizes.py": "all of the installation, for the superuser",
    "logs/explorer/service_volume.py": "the mean size of a log",
    "logs/storage/totals.py": "all of the installation, for what a backup says of itself and /metrics",
}
_OF_BLOCKS = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+log_blocks\b|\bLogBlock\.(?:objects|_default)")
_NAMES_ORG = re.compile(r"\borg_id = (?:%s|%\(org\)s)|\{where\}|\{_SCOPE\}|^\.for_org\(")


def statements() -> Iterator[tuple[str, str]]:
    """Give each place that names the table, and what follows it."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts and path.name != "row_policies.py":
                source = path.read_text()
                for match in _STATEMENT.finditer(source):
                    yield str(path.relative_to(ROOT)), source[match.end() : match.end() + 120]


def test_no_one_else_names_the_table() -> None:
    found = {path for path, _ in statements()}
    assert found <= READERS | OTHERS.keys()
    assert found >= READERS


def test_what_is_sealed_is_named_in_one_place() -> None:
    found = {
        str(path.relative_to(ROOT))
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts and path.name != "row_policies.py" and _OF_BLOCKS.search(path.read_text())
    }
    assert found == OF_BLOCKS.keys()


def test_a_range_of_blocks_is_one_organisations() -> None:
    blocks = BlockRange(org := uuid4(), timezone.now(), timezone.now(), (Condition("a OR b"),))
    for sql, params in (blocks.heads(limit=1), blocks.values("count(*)"), blocks.sections(("narrow",), [1])):
        assert " WHERE org_id = %s AND " in sql
        assert params[0] == org
    assert "AND (a OR b)" in blocks.where()[0]


@pytest.mark.django_db
def test_blocks_of_another_organisation_are_never_opened(org: Org) -> None:
    other = make_org("Other")
    with within_wall(Scope(org.pk, uuid4())), pytest.raises(ForeignRowError):
        BlockReader(other.pk, 1)


def test_every_reader_names_the_organisation() -> None:
    missing = [(path, after) for path, after in statements() if path in READERS and not _NAMES_ORG.search(after)]
    assert not missing


def test_a_range_of_rows_is_one_organisations() -> None:
    now = timezone.now()
    for more in ({}, {"before": LogCursor(now, 1)}, {"after": LogCursor(now, 1)}):
        sql, params = RowRange(org := uuid4(), now, now, **more).condition()  # type: ignore[arg-type]
        assert sql.startswith("org_id = %s AND ")
        assert params[0] == org


@pytest.mark.django_db
def test_a_row_of_another_organisation_is_never_shown(org: Org) -> None:
    log = make_log(make_service(other := make_org("Other"), "api"))
    session, address = SearchSession(other.pk), LogCursor(log.ts, log.pk)
    with within_wall(Scope(other.pk, uuid4())):
        assert log_at(session, other.pk, address)
    with within_wall(Scope(org.pk, uuid4())), pytest.raises(ForeignRowError):
        log_at(session, other.pk, address)
