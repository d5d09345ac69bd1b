"""What keeps the logs fit for Citus, seen in the statements that the product sends, on any PostgreSQL.

There a statement of one organisation goes to one worker as it is. One that names none goes to all of them, so each of
these has its reason here. One that has to do with a local table as well, or inserts what it reads in a CTE, goes to all
of them too and takes several snapshots: there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.test import Client

from accounts.models import Org, User
from logs.ingest import store
from logs.storage.distribute import TABLES
from logs.storage.sizes import table_sizes
from logs.tasks import check_log_counts, delete_expired_logs, keep_log_partitions, merge_log_counts
from services.models import Service
from tests.logs.conftest import URL
from tests.logs.test_sealed_reading import answers, services
from tests.support.factories import make_key, make_service
from tests.support.sealing import seal_everything

__all__ = ["services"]  # a fixture
_NAMES = "|".join(TABLES)
_NAMED = re.compile(rf'\b(FROM|JOIN|INTO|UPDATE|COPY)\s+(?:ONLY\s+)?"?({_NAMES})\b"?', re.IGNORECASE)
_OTHER = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?"?([a-z_]+)"?', re.IGNORECASE)
_PINNED = re.compile(r"""\borg_id"? = (?:%s|%\(org\)s|\$\d|'[0-9a-f-]{36}')|"org_id" IN \(%s\)""", re.IGNORECASE)
_INSERTS_IN_CTE = re.compile(rf"\(\s*INSERT INTO ({_NAMES})\b", re.IGNORECASE)
# What asks all workers: jobs, and what the operator sees of the whole installation.
FAN_OUTS = {
    "SELECT DISTINCT org_id FROM log_counts WHERE NOT is_merged": "which organisations have counts to merge",
    "SELECT DISTINCT org_id FROM log_blocks": "which organisations have anything sealed",
    "SELECT org_id, sum(stored)::bigint": "the proof of the counts, grouped by organisation first",
    "WITH gone AS (DELETE FROM log_counts WHERE minute >=": "the counts of a day that is dropped",
    "SELECT EXISTS (SELECT 1 FROM log_blocks": "whether anything is sealed",
    "SELECT coalesce(sum(count), 0)::bigint FROM log_blocks": "how many logs are sealed, for the superuser",
    "SELECT pg_database_size(current_database()), c.relname": "sizes; on Citus without this part",
    "SELECT org_id, count(*), sum(count), min(start_ts)": "damaged blocks, for the superuser",
    'SELECT %s AS "a" FROM "logs" LIMIT 1': "not the product: seal_everything of the tests",
}  # fmt: skip


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Gather every statement that goes to the database by psycopg, parameters not filled in."""
    sent: set[str] = set()
    for name in ("execute", "copy"):
        original = getattr(psycopg.Cursor, name)

        def record(self: Any, sql: Any, *args: Any, _original: Any = original, **kwargs: Any) -> Any:
            sent.add(" ".join((sql if isinstance(sql, str) else sql.as_string(self)).split()))
            return _original(self, sql, *args, **kwargs)

        monkeypatch.setattr(psycopg.Cursor, name, record)
    return sent


def parts_of(message: str) -> Iterator[str]:
    """Yield the statements of a message that name a distributed table."""
    for part in message.split("; "):
        if _NAMED.search(part):
            yield part


def faults(statement: str) -> list[str]:
    """Return what a cluster would make of a statement that names distributed tables, beyond one task on one worker."""
    named = _NAMED.findall(statement)
    read = [table for verb, table in named if verb.upper() not in {"INTO", "COPY"}]
    local = {model._meta.db_table for model in apps.get_models()} - set(TABLES)
    found = [f"beside the local {other}" for other in _OTHER.findall(statement) if other in local]
    if _INSERTS_IN_CTE.search(statement):
        found.append("inserts in a CTE")
    if len(_PINNED.findall(statement)) < len(read) and not any(part in statement for part in FAN_OUTS):
        found.append("does not name the organisation")
    return found


@pytest.mark.django_db
def test_each_statement_is_one_workers(
    org: Org,
    services: list[Service],
    client: Client,
    viewer: User,
    statements: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "is_distributed", lambda: True)
    key = make_key(services[0].environments.get(name="production"))
    for number, headers in ((1, {}), (30, {}), (2, {"Idempotency-Key": "again"})):
        body = {"logs": [{"message": "a", "level": "error"}] * number}
        assert Client().post(URL, body, "application/json", headers={"x-api-key": key, **headers}).status_code == 200
    make_service(org, "keeps little", retention_days=1)
    for page in ("/logs?q=payment", "/logs?q=level:error+n:>3", "/logs?q=nowhere", "/dashboard", "/services"):
        assert client.get(page).status_code == 200
    answers(org, services[0])
    for job in (merge_log_counts, keep_log_partitions, check_log_counts):
        job()
    seal_everything(most=40)
    answers(org, services[0])
    assert client.get("/logs?q=payment").status_code == 200
    assert table_sizes()
    delete_expired_logs()
    asked = {part for message in statements for part in parts_of(message)}
    assert len(asked) > 30
    assert {statement: found for statement in asked if (found := faults(statement))} == {}


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("SELECT 1 FROM logs WHERE ts > %s", "does not name the organisation"),
        ("SELECT 1 FROM logs JOIN services s ON s.id = service_id WHERE org_id = %s", "beside the local services"),
        ("WITH a AS (INSERT INTO log_counts (org_id) SELECT %s) SELECT 1", "inserts in a CTE"),
        (
            "SELECT (SELECT 1 FROM logs) FROM log_counts WHERE org_id = %s",
            "does not name the organisation",
        ),
    ],
)
def test_the_guard_sees(statement: str, fault: str) -> None:
    assert fault in faults(statement)
