"""Sealed logs as the Django admin lists them: as if they were rows, after those that are."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from uuid import UUID

from django.db.models import prefetch_related_objects

from logs.cursor import LATEST, LogCursor
from logs.models import LogEntry
from logs.search.operators import Equals
from logs.search.queries import log_at
from logs.search.rows import LogDetail
from logs.search.sealed.newest import newest
from logs.search.sealed.reader import BlockQuery, BlockReader, Span
from logs.search.sealed.rows import details_of
from logs.search.session import search_session
from logs.search.tree import And, Everything, Node, Or, Value
from logs.storage.blocks.rows import EARLIEST
from logs.storage.blocks.table import orgs_with_blocks
from pulseops.core.db.snapshot import one_snapshot
from pulseops.core.db.statement_timeout import QueryTimeoutError
from services.scopes import Scopes

_SECONDS = 3.0  # that a page reads blocks for


def sealed_entries(level: str, ids: Sequence[str], offset: int, limit: int) -> tuple[list[LogEntry], bool]:
    """Return `limit` sealed logs behind the first `offset`, by organisation and the newest first, and whether all that
    there are before them could be looked at in time.

    `level` may be empty; each of `ids` is the log's trace or request id.
    """
    node, until = _with_ids(ids), time.monotonic() + _SECONDS
    entries: list[LogEntry] = []
    try:
        for org_id in orgs_with_blocks():
            found = _newest(org_id, node, level, offset + limit - len(entries), until)
            entries += found[offset:]
            offset = max(offset - len(found), 0)
            if len(entries) >= limit:
                break
    except QueryTimeoutError:
        is_whole = False
    else:
        is_whole = True
    prefetch_related_objects(entries, "org", "service", "environment")
    return entries[:limit], is_whole


def entry_at(object_id: str) -> LogEntry | None:
    """Return the log of an id as `object_id_of` makes them, whether it is a row or sealed; None where there is none."""
    org, _, address = object_id.partition(".")
    cursor = LogCursor.read(address)
    try:
        org_id = UUID(org)
    except ValueError:
        return None
    if cursor is None:
        return None
    with search_session(org_id) as session:
        detail = log_at(session, org_id, cursor)
    return _entry(org_id, detail) if detail else None


def object_id_of(log: LogEntry) -> str:
    """Return what names a log in the admin's URLs: its key, by which it is found in either form."""
    return f"{log.org_id}.{LogCursor(log.ts, log.pk)}"


def _with_ids(ids: Sequence[str]) -> Node:
    if not ids:
        return Everything()
    values = [(Value(each, quoted=True),) for each in ids]
    return And(tuple(Or((Equals("trace", values=value), Equals("request", values=value))) for value in values))


def _newest(org_id: UUID, node: Node, level: str, limit: int, until: float) -> list[LogEntry]:
    query = BlockQuery.of_node(org_id, Scopes(()), node, level=level)
    with one_snapshot():
        reader = BlockReader(org_id, until - time.monotonic())
        found = newest(reader, query, Span(EARLIEST, LATEST), reader.heads(query.range(None, None)), limit)
        return [_entry(org_id, detail) for detail in details_of(reader, found.found())]


def _entry(org_id: UUID, detail: LogDetail) -> LogEntry:
    row = detail.row
    return LogEntry(
        id=row.id, org_id=org_id, service_id=row.service_id, environment_id=row.environment_id, ts=row.ts,
        level=row.level, message=detail.message, meta_json=None if detail.meta is None else json.loads(detail.meta),
        trace_id=detail.trace_id, request_id=detail.request_id, created_at=detail.received_at,
    )  # fmt: skip
