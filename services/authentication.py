"""Who sends: a presented API key becomes the scope that it may write to, and its batches are counted.

A key is checked against the database for every request. To spare the common case a round trip, the scope that a key
had a moment ago is remembered, so that a batch can be read before the database is asked; `admission` checks the key
again in the very transaction that stores the batch, so a revoked key stores nothing from that moment on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from pulseops.core.web.json_errors import ApiError
from services.keys import hash_key

REMEMBERED_SECONDS = 10.0
REMEMBERED_KEYS = 10_000
_BEARER = "bearer "

# A key is live until `revoked_at`, unless its organisation is being deleted. The window is a minute of the database's
# clock, which all web processes share.
_LIVE_KEY = """
    SELECT k.id, k.org_id, k.service_id, k.environment_id, s.retention_days,
           coalesce(k.rate_per_minute, %(default_rate)s) AS rate,
           date_trunc('minute', statement_timestamp()) AS window_start
    FROM api_keys k
    JOIN services s ON s.id = k.service_id
    JOIN orgs o ON o.id = k.org_id AND o.deleted_at IS NULL
    WHERE k.key_hash = %(key_hash)s AND (k.revoked_at IS NULL OR k.revoked_at > statement_timestamp())
"""
# Rows are locked when all of the statement's conditions have been looked at, this one too. A setting by a statement of
# its own would be one more way to the database and back.
_PATIENT = "AND set_config('lock_timeout', '2s', true) IS NOT NULL FOR KEY SHARE OF k"
_IMPATIENT = "FOR KEY SHARE OF k NOWAIT"
_AUTHENTICATE = f"""
    WITH key AS ({_LIVE_KEY})
    SELECT key.id, key.org_id, key.service_id, key.environment_id, key.retention_days, key.rate,
           extract(epoch FROM key.window_start + interval '1 minute' - statement_timestamp()),
           coalesce(bucket.count, 0)
    FROM key LEFT JOIN api_key_rate_buckets bucket
      ON bucket.api_key_id = key.id AND bucket.window_start = key.window_start
"""  # noqa: S608 - made of the constant above


def admission(*, is_patient: bool) -> str:
    """Return the CTEs `key`, `counted` and `touched`, which admit a batch; the caller's statement goes on from there.

    They take %(key_hash)s, %(default_rate)s, %(logs)s and %(retention_days)s. `key` is empty when the key is not live;
    `counted` is empty when the batch does not fit into the running minute, or the service keeps its logs for another
    time than the batch was checked against. Select ADMITTED from `key`, for `admitted` to judge.

    FOR KEY SHARE: whoever deletes the key (or its environment, service or organisation) waits for this transaction, and
    so meets its logs. If it is just being deleted, `is_patient` says whether to wait (two seconds). The
    bucket is the one row that batches of the same key meet at: run this last before COMMIT, so that it is locked for no
    longer than the commit takes. `touched` skips a row that another batch is touching.
    """
    return f"""
    key AS ({_LIVE_KEY} {_PATIENT if is_patient else _IMPATIENT}),
    counted AS (
        INSERT INTO api_key_rate_buckets AS bucket (api_key_id, window_start, count)
        SELECT id, window_start, %(logs)s::int FROM key
        WHERE %(logs)s::int <= rate AND retention_days = %(retention_days)s::int
        ON CONFLICT (api_key_id, window_start) DO UPDATE SET count = bucket.count + excluded.count
            WHERE bucket.count + excluded.count <= (SELECT rate FROM key)
        RETURNING count
    ),
    touched AS (
        UPDATE api_keys SET last_used_at = statement_timestamp()
        WHERE id = (
            SELECT k.id FROM api_keys k JOIN key ON key.id = k.id
            WHERE k.last_used_at IS NULL OR k.last_used_at < statement_timestamp() - interval '1 minute'
            FOR NO KEY UPDATE OF k SKIP LOCKED
        )
    )
    """  # noqa: S608 - made of constants


ADMITTED = """
    key.id, key.org_id, key.service_id, key.environment_id, key.retention_days, key.rate,
    extract(epoch FROM key.window_start + interval '1 minute' - statement_timestamp()), (SELECT count FROM counted)
"""
_TOUCH = """
    UPDATE api_keys SET last_used_at = statement_timestamp()
    WHERE id = %s AND (last_used_at IS NULL OR last_used_at < statement_timestamp() - interval '1 minute')
"""


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a live key may write to, and how much: `rate` is in logs a minute."""

    key_id: UUID
    org_id: UUID
    service_id: UUID
    environment_id: UUID
    retention_days: int
    rate: int


class ScopeChangedError(Exception):
    """A key's service, or how long that keeps its logs, is not what a batch was checked against."""


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key that the database knew as live at this moment.

    `sent` is how many logs it has sent in the running window, which ends in `window_seconds`.
    """

    scope: KeyScope
    sent: int
    window_seconds: float

    def check_room(self, logs: int) -> None:
        """Raise the 429 when `logs` more do not fit into the running window."""
        if self.sent + logs > self.scope.rate:
            raise rate_limited(self.scope, logs, self.window_seconds)


_remembered: dict[str, tuple[float, KeyScope]] = {}


def presented_key(meta: Mapping[str, str]) -> str:
    """Return the API key that a request with this META carries, as `x-api-key` or as a bearer token.

    Raises ApiError 401 if there is none.
    """
    if key := meta.get("HTTP_X_API_KEY", "").strip():
        return key
    authorization = meta.get("HTTP_AUTHORIZATION", "").strip()
    if authorization[: len(_BEARER)].lower() == _BEARER and (key := authorization[len(_BEARER) :].strip()):
        return key
    raise ApiError("UNAUTHORIZED", "Send an API key as x-api-key, or as Authorization: Bearer.")


def authenticate(presented: str) -> LiveKey:
    """Find the live key that was presented, with what it has sent so far. Raises ApiError 403 if there is none."""
    key_hash = hash_key(presented)
    row = _run(_AUTHENTICATE, key_hash=key_hash)
    if row is None:
        _remembered.pop(key_hash, None)
        raise ApiError("FORBIDDEN", "This API key is unknown or revoked.")
    scope = _remember(key_hash, KeyScope(*row[:6]))
    return LiveKey(scope, sent=row[7], window_seconds=float(row[6]))


def remembered_scope(presented: str) -> KeyScope | None:
    """Return the scope that the key had within the last ten seconds; a guess, to be confirmed by `admission`."""
    found = _remembered.get(hash_key(presented))
    return found[1] if found and found[0] > time.monotonic() else None


def admitted(presented: str, row: Sequence[Any] | None, *, expected: KeyScope, logs: int) -> None:
    """Judge the row of ADMITTED that came of admitting a batch of `logs` that had been made for `expected`.

    Raises ApiError 403 when the key is not live any more, 429 when the batch does not fit into the running minute,
    ScopeChangedError when the key's scope is another by now. Then the caller must leave nothing of the batch behind.
    """
    key_hash = hash_key(presented)
    if row is None:
        _remembered.pop(key_hash, None)
        raise ApiError("FORBIDDEN", "This API key is unknown or revoked.")
    scope = KeyScope(*row[:6])
    if replace(scope, rate=expected.rate) != expected:
        _remembered.pop(key_hash, None)
        raise ScopeChangedError
    if row[7] is None:
        # Until the window ends its batches shall be refused before they are written: the next one asks first.
        _remembered.pop(key_hash, None)
        raise rate_limited(scope, logs, float(row[6]))
    _remember(key_hash, scope)


def touch(key_id: UUID) -> None:
    """Note that a key was used, at most once a minute; for requests that are not counted."""
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [key_id])


def rate_limited(scope: KeyScope, logs: int, window_seconds: float) -> ApiError:
    """Make the 429 for a batch of `logs`; the window ends in `window_seconds`."""
    if logs > scope.rate:
        message = f"This API key may send {scope.rate} logs a minute; the batch alone has {logs}. Send smaller batches."
    else:
        message = f"This API key may send {scope.rate} logs a minute. Wait for the next one."
    return ApiError("RATE_LIMITED", message, retry_after=max(1, math.ceil(window_seconds)))


def _run(statement: str, **parameters: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "default_rate": settings.INGEST_RATE_PER_MINUTE})
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _remember(key_hash: str, scope: KeyScope) -> KeyScope:
    if len(_remembered) >= REMEMBERED_KEYS:
        _remembered.clear()
    _remembered[key_hash] = (time.monotonic() + REMEMBERED_SECONDS, scope)
    return scope
