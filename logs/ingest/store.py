"""A batch into the database: one transaction, committed before anybody is told."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from logs.ingest.lines import COLUMNS, Batch
from logs.models import IngestReceipt
from pulseops.core.errors import ApiError
from services.authentication import KeyScope, admit

log = logging.getLogger(__name__)

Answer = dict[str, Any]

# Nobody waits longer than this for a lock or for the disk; the sender is asked to try again instead.
_BOUND_WAITS = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '15s'"
_COPY = f"COPY logs (org_id, service_id, environment_id, {', '.join(COLUMNS)}) FROM STDIN"
# Several rows for the same minute add up, so batches need not meet at one.
_COUNT = """
    INSERT INTO log_counts (org_id, service_id, environment_id, level, minute, count)
    SELECT %s, %s, %s, level, minute, count
    FROM unnest(%s::text[], %s::timestamptz[], %s::int[]) AS batch (level, minute, count)
"""
# The same key at the same time: the second waits here until the first has committed, and then finds its receipt.
_CLAIM = """
    INSERT INTO ingest_receipts AS receipt (api_key_id, idempotency_key, answer)
    VALUES (%s, %s, %s::jsonb)
    ON CONFLICT (api_key_id, idempotency_key) DO UPDATE SET answer = excluded.answer, created_at = statement_timestamp()
        WHERE receipt.created_at <= statement_timestamp() - interval '24 hours'
    RETURNING id
"""
_RECEIPTS_KEPT = timedelta(hours=24)


class ScopeChangedError(Exception):
    """The key's service, or how long that keeps its logs, is not what the batch was checked against."""


class AlreadyAnsweredError(Exception):
    """Another request with the same Idempotency-Key was first."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is to be remembered under a sender's Idempotency-Key."""

    idempotency_key: str
    answer: Answer


def store_batch(presented: str, scope: KeyScope, batch: Batch, receipt: Receipt | None) -> None:
    """Store a batch and count it against its key; when this returns, it is on the disk.

    Raises ApiError (403 key gone, 429 over its rate, 400 for what the database refuses), ScopeChangedError,
    AlreadyAnsweredError, or a database error. Whatever it raises, nothing was stored and nothing counted.
    """
    try:
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute(_BOUND_WAITS)
            if receipt is not None:
                _claim(scope.key_id, receipt)
            if batch.lines:
                _copy(scope, batch)
                _count(scope, batch)
            current = admit(presented, logs=len(batch))
            if replace(current, rate=scope.rate) != scope:
                raise ScopeChangedError
    except IntegrityError as error:  # the key, or what it belongs to, was deleted meanwhile
        raise ApiError("FORBIDDEN", "This API key is unknown or revoked.") from error


def first_answer(key_id: UUID, idempotency_key: str) -> Answer | None:
    """Return what the first request with this Idempotency-Key was answered, if that was within 24 hours."""
    kept = IngestReceipt.objects.filter(created_at__gt=timezone.now() - _RECEIPTS_KEPT)
    mine = kept.filter(api_key_id=key_id, idempotency_key=idempotency_key)
    answer: Answer | None = mine.values_list("answer", flat=True).first()
    return answer


def _claim(key_id: UUID, receipt: Receipt) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [key_id, receipt.idempotency_key, msgspec.json.encode(receipt.answer).decode()])
        if cursor.fetchone() is None:
            raise AlreadyAnsweredError


def _copy(scope: KeyScope, batch: Batch) -> None:
    prefix = f"{scope.org_id}\t{scope.service_id}\t{scope.environment_id}\t"
    text = prefix + f"\n{prefix}".join(batch.lines) + "\n"
    try:
        # Django translates the errors of its own methods alone, and copy() is psycopg's.
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.write(text.encode())
    except DatabaseError as error:
        if not isinstance(error.__cause__, psycopg.DataError | psycopg.errors.ProgramLimitExceeded):
            raise
        log.exception("the database refused a batch")
        raise ApiError("VALIDATION_ERROR", "The batch holds a value that cannot be stored.") from error


def _count(scope: KeyScope, batch: Batch) -> None:
    counts = batch.counts
    levels, minutes = [level for level, _ in counts], [f"{minute}Z" for _, minute in counts]
    with connection.cursor() as cursor:
        scope_ids = [scope.org_id, scope.service_id, scope.environment_id]
        cursor.execute(_COUNT, [*scope_ids, levels, minutes, list(counts.values())])
