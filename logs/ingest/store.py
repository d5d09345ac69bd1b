"""A batch into the database: one transaction, committed before it is acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import DatabaseError, IntegrityError, InternalError, OperationalError, connection, transaction
from django.utils import timezone

from logs.ingest.columns import Batch, Columns, columns_of, copy_text, counts_of
from logs.ingest.copy_format import array_literal
from logs.models import IngestReceipt
from pulseops.core.db.distribution import is_distributed, is_worker_away
from pulseops.core.db.row_security import settle
from pulseops.core.db.sql import execute_prepared
from pulseops.core.web.json_errors import ApiError
from services.authentication import Credential, KeyScope, admitted
from services.key_statements import ADMITTED, RatePolicy, admission

log = logging.getLogger(__name__)

Answer = dict[str, Any]

_COPY = f"COPY logs (org_id, service_id, environment_id, {', '.join(Columns._fields)}) FROM STDIN"
SMALL = 20  # logs; so few are stored quicker by one statement than by a COPY in a transaction of its own

# Several rows for the same minute add up, so batches need not meet at one.
_COUNTED = """
    rolled AS (
        INSERT INTO log_counts (org_id, service_id, environment_id, level, minute, count)
        SELECT key.org_id, key.service_id, key.environment_id, part.level, part.minute, part.count
        FROM key CROSS JOIN counted
        CROSS JOIN unnest(%(levels)s::text[], %(minutes)s::timestamptz[], %(counts)s::int[])
            AS part (level, minute, count)
    )
"""
_NAMES, _VALUES = ", ".join(Columns._fields), ", ".join(f"log.{name}" for name in Columns._fields)
_STORED = f"""
    stored AS (
        INSERT INTO logs (org_id, service_id, environment_id, {_NAMES})
        SELECT key.org_id, key.service_id, key.environment_id, {_VALUES}
        FROM key CROSS JOIN counted
        CROSS JOIN unnest(%(level)s::text[], %(ts)s::timestamptz[], %(message)s::text[], %(meta_json)s::jsonb[],
            %(trace_id)s::text[], %(request_id)s::text[]) AS log ({_NAMES})
    )
"""  # noqa: S608 - made of constants
_ADMIT = {
    rate: f"WITH {admission(is_patient=True, rate=rate)}, {_COUNTED} SELECT {ADMITTED} FROM key"  # noqa: S608
    for rate in RatePolicy
}
# On Citus a statement that has to do with a worker's table and with a local one goes to all workers. So nothing is
# mixed there: logs and counts are copied, to the one worker that has the organisation, and the key is asked for alone.
_ADMIT_ALONE = {
    rate: f"WITH {admission(is_patient=True, rate=rate)} SELECT {ADMITTED} FROM key"  # noqa: S608
    for rate in RatePolicy
}
_SCOPE = ("org_id", "service_id", "environment_id")
_COUNT = ("level", "minute", "count")
_COPY_COUNTS = f"COPY log_counts ({', '.join((*_SCOPE, *_COUNT))}) FROM STDIN"
FEW = 5  # logs; on Citus so few cost less by INSERT: COPY is always committed in two phases
_CASTS = {"ts": "::timestamptz", "minute": "::timestamptz", "meta_json": "::jsonb"}
_STORE_SMALL = {
    rate: f"WITH {admission(is_patient=False, rate=rate)}, {_COUNTED}, {_STORED} SELECT {ADMITTED} FROM key"  # noqa: S608
    for rate in RatePolicy
}

# The same key at the same time: the second waits here until the first has committed, and then finds its receipt.
_CLAIM = """
    INSERT INTO ingest_receipts AS receipt (api_key_id, idempotency_key, answer)
    VALUES (%s, %s, %s::jsonb)
    ON CONFLICT (api_key_id, idempotency_key) DO UPDATE SET answer = excluded.answer, created_at = statement_timestamp()
        WHERE receipt.created_at <= statement_timestamp() - interval '24 hours'
    RETURNING id
"""
_RECEIPTS_KEPT = timedelta(hours=24)
_SHUT_DOWN = "57P"  # class of SQLSTATE; a server that waits for its standby has committed already


class OutcomeUnknownError(OperationalError):
    """The connection broke while a batch was committed: it may have been stored."""


class AlreadyAnsweredError(Exception):
    """Another request with the same Idempotency-Key was first."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is to be remembered under a sender's Idempotency-Key."""

    idempotency_key: str
    answer: Answer


def store_batches(
    credential: Credential,
    scope: KeyScope,
    batches: Sequence[Batch],
    receipt: Receipt | None,
    rate: RatePolicy = RatePolicy.WINDOW,
) -> None:
    """Store batches of one key and count them against its rate; when this returns, they are on the disk.

    Raises ApiError (403 key gone, 429 over its rate, 400 for what the database refuses), ScopeChangedError,
    AlreadyAnsweredError, or a database error. Whatever it raises, nothing was stored and nothing counted; only after
    OutcomeUnknownError it may have been.
    """
    is_committing = is_in_one_phase = False
    logs = sum(map(len, batches))
    values = _admission_values(credential, scope, batches, logs)
    is_on_workers = is_distributed()
    is_small = logs <= SMALL and receipt is None and not is_on_workers
    try:
        if is_small and _store_small(credential, scope, batches, values, rate):
            return
        with transaction.atomic(durable=True):
            if receipt is not None:
                _claim(scope.key_id, receipt)
            if logs and is_on_workers and logs <= FEW and receipt is None:
                is_in_one_phase = True
                _insert(scope, batches)
            elif logs:
                _copy(scope, batches)
                if is_on_workers:
                    _copy_counts(scope, batches)
            row = execute_prepared((_ADMIT_ALONE if is_on_workers else _ADMIT)[rate], values)
            admitted(credential, row, expected=scope, logs=logs, rate=rate)
            is_committing = True
    except DatabaseError as error:
        answer = _answer_to(error, is_committing=is_committing, is_in_one_phase=is_in_one_phase)
        if answer is None:
            raise
        raise answer from error


def _answer_to(error: DatabaseError, *, is_committing: bool, is_in_one_phase: bool = False) -> Exception | None:
    """Return what becomes of a database error; None where it stays what it is, and nothing was stored.

    In one phase a worker commits before the coordinator does, so any error may be about its answer.
    """
    if isinstance(error, IntegrityError):  # the key, or what it belongs to, was deleted meanwhile
        return ApiError("FORBIDDEN", "This API key is unknown or revoked.")
    if is_committing and (is_in_one_phase or _is_cut_off(error)):
        return OutcomeUnknownError(*error.args)
    # Of a batch, which is always put alike, an internal error of Citus is about its worker, whatever it says.
    if is_distributed() and (isinstance(error, InternalError) or is_worker_away(error)):
        return OperationalError(*error.args)
    if not isinstance(error.__cause__, psycopg.DataError | psycopg.errors.ProgramLimitExceeded):
        return None
    # Not the exception itself: its text quotes the line that was refused, and that is not ours to repeat.
    log.error("the database refused a batch", extra={"sqlstate": error.__cause__.sqlstate})
    return ApiError("VALIDATION_ERROR", "The batch holds a value that cannot be stored.")


def first_answer(key_id: UUID, idempotency_key: str) -> Answer | None:
    """Return what the first request with this Idempotency-Key was answered, if that was within 24 hours."""
    kept = IngestReceipt.objects.filter(created_at__gt=timezone.now() - _RECEIPTS_KEPT)
    mine = kept.filter(api_key_id=key_id, idempotency_key=idempotency_key)
    answer: Answer | None = mine.values_list("answer", flat=True).first()
    return answer


def _claim(key_id: UUID, receipt: Receipt) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(_CLAIM, [key_id, receipt.idempotency_key, msgspec.json.encode(receipt.answer).decode()])
        if cursor.fetchone() is None:
            raise AlreadyAnsweredError


def _admission_values(credential: Credential, scope: KeyScope, batches: Sequence[Batch], logs: int) -> dict[str, Any]:
    counts = counts_of(batches)
    return {
        **credential.values,
        "retention_days": scope.retention_days,
        "ingest_version": scope.ingest_version,
        "logs": logs,
        "bytes": sum(batch.size for batch in batches),
        # Written here as arrays, of what needs no quotes: psycopg takes some 30 µs for each list.
        "levels": "{" + ",".join([level for level, _ in counts]) + "}",
        "minutes": "{" + ",".join([f"{minute}Z" for _, minute in counts]) + "}",
        "counts": "{" + ",".join(map(str, counts.values())) + "}",
    }


def _store_small(
    credential: Credential, scope: KeyScope, batches: Sequence[Batch], values: dict[str, Any], rate: RatePolicy
) -> bool:
    """Store a few logs by one statement, which is a transaction of its own; False when their key is just locked."""
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():  # a savepoint, in tests
            columns = {name: array_literal(each) for name, each in columns_of(batches)._asdict().items()}
            row = execute_prepared(_STORE_SMALL[rate], {**values, **columns})
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            return False
        if _is_cut_off(error):
            raise OutcomeUnknownError(*error.args) from error
        raise
    admitted(credential, row, expected=scope, logs=values["logs"], rate=rate)
    return True


def _is_cut_off(error: DatabaseError) -> bool:
    """Return whether the connection ended before the server said what became of a statement."""
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code.startswith(_SHUT_DOWN)


def _copy(scope: KeyScope, batches: Sequence[Batch]) -> None:
    _copy_in(_COPY, copy_text(batches, _prefix(scope)))


def _copy_counts(scope: KeyScope, batches: Sequence[Batch]) -> None:
    prefix = _prefix(scope)
    lines = [f"{prefix}{level}\t{minute}Z\t{count}\n" for (level, minute), count in counts_of(batches).items()]
    _copy_in(_COPY_COUNTS, "".join(lines))


def _insert(scope: KeyScope, batches: Sequence[Batch]) -> None:
    counts = [(level, f"{minute}Z", count) for (level, minute), count in counts_of(batches).items()]
    _insert_rows("logs", Columns._fields, scope, list(zip(*columns_of(batches), strict=True)))
    _insert_rows("log_counts", _COUNT, scope, counts)


def _insert_rows(table: str, names: tuple[str, ...], scope: KeyScope, rows: Sequence[tuple[Any, ...]]) -> None:
    values = {
        f"{name}_{row}": value for row, given in enumerate(rows) for name, value in zip(names, given, strict=True)
    }
    scope_values = {"org_id": scope.org_id, "service_id": scope.service_id, "environment_id": scope.environment_id}
    execute_prepared(_insertion(table, names, len(rows)), {**scope_values, **values})


@cache
def _insertion(table: str, names: tuple[str, ...], rows: int) -> str:
    """Return an INSERT of so many rows of one scope; a SELECT of arrays would be copied, by the coordinator."""
    scope = [f"%({name})s" for name in _SCOPE]
    places = [[f"%({name}_{row})s{_CASTS.get(name, '')}" for name in names] for row in range(rows)]
    lines = ", ".join(f"({', '.join([*scope, *each])})" for each in places)
    return f"INSERT INTO {table} ({', '.join((*_SCOPE, *names))}) VALUES {lines} RETURNING 1"  # noqa: S608 - of constants


def _prefix(scope: KeyScope) -> str:
    return f"{scope.org_id}\t{scope.service_id}\t{scope.environment_id}\t"


def _copy_in(statement: str, text: str) -> None:
    settle(connection)  # COPY goes past what Django's cursors do before a statement
    # Django translates the errors of its own methods alone, and copy() is psycopg's.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.encode())
