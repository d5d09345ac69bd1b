"""Who sends: a presented API key becomes the scope that it may write to, and its batches are counted.

A key is checked against the database for every request. To spare the common case a round trip, the scope that a key
had a moment ago is remembered, so that a batch can be read before the database is asked; `admission` checks the key
again in the very transaction that stores the batch, so a revoked key stores nothing from that moment on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from pulseops.core.web.correlation import current_origin
from pulseops.core.web.json_errors import ApiError
from services.client_names import product_of
from services.key_statements import AUTHENTICATE, COUNT_BYTES, REFUSAL, REHASH, TOUCH, RatePolicy
from services.keys import key_hashes
from services.presented_key import presented_key

REMEMBERED_SECONDS = 10.0
REMEMBERED_KEYS = 10_000
LONGEST_WAIT = 4  # seconds, told to a client of a token bucket: some drop what they are to keep for ten


_UNKNOWN = "This API key is unknown or revoked."


@dataclass(frozen=True, slots=True)
class Credential:
    """The API key of a request as the database knows it, what it is presented for, and from where.

    `fallback_hash` is the key's hash under the salt before this one, or the same. `address` is None where a socket of
    this machine tells none. `protocol` and `client` are what it came by, as services.client_names has them; `origin` is
    the web page's that a browser sends for.
    """

    key_hash: str
    fallback_hash: str
    scope: str
    address: str | None
    protocol: str = ""
    client: str = ""
    origin: str | None = None

    @classmethod
    def of(cls, meta: Mapping[str, str], scope: str, protocol: str = "") -> Credential:
        """Return what a request with this META presents for `scope` (ApiKey.Scope); raises ApiError 401 without one."""
        key, address = presented_key(meta), current_origin().address
        client = product_of(meta.get("HTTP_USER_AGENT", ""))
        return cls(*key_hashes(key), str(scope), address, protocol, client, meta.get("HTTP_ORIGIN"))

    @classmethod
    def of_key(cls, key: str, scope: str, address: str | None, protocol: str) -> Credential:
        """Return what `key` presents for `scope` from `address`, without a request."""
        return cls(*key_hashes(key), str(scope), address, protocol)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of a statement that looks for the key."""
        return {
            "key_hash": self.key_hash,
            "fallback_hash": self.fallback_hash,
            "scope": self.scope,
            "address": self.address,
            "protocol": self.protocol,
            "client": self.client,
            "origin": self.origin,
            "default_rate": settings.INGEST_RATE_PER_MINUTE,
            "most_bytes": settings.INGEST_BYTES_PER_MINUTE,
            "browser_rate": settings.INGEST_BROWSER_RATE_PER_MINUTE,
            "browser_bytes": settings.INGEST_BROWSER_BYTES_PER_MINUTE,
        }


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a live key may write to, and how much: `rate` is in logs a minute, `most_bytes` are for a minute too.

    `ingest_version` is that of the service's ingest rules, 0 for none. `is_bound`: to networks or to web pages, so that
    requests from two addresses need not fare alike.
    """

    key_id: UUID
    org_id: UUID
    service_id: UUID
    environment_id: UUID
    retention_days: int
    ingest_version: int
    rate: int
    is_bound: bool = False
    most_bytes: int = 0

    def __hash__(self) -> int:
        return hash(self.key_id)  # of one key there are hardly two; all fields would be hashed several times a request


class ScopeChangedError(Exception):
    """A key's service, or how long that keeps its logs, is not what a batch was checked against."""


class RefusedKeyError(ApiError):
    """A genuine key that may not do what was asked; `scope` says whose it is, and nothing of what it may send."""

    def __init__(self, message: str, scope: KeyScope) -> None:
        super().__init__("FORBIDDEN", message)
        self.scope = scope


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key that the database knew as live at this moment.

    `sent` is how many logs it has sent in the running window, which ends in `window_seconds`, and `sent_bytes` how many
    bytes of them were read, stored or not; `tokens` is how many logs its token bucket holds, less than none when the
    last batch overdrew it.
    """

    scope: KeyScope
    sent: int
    sent_bytes: int
    window_seconds: float
    tokens: float

    @property
    def has_room(self) -> bool:
        """Whether anything fits into the running window."""
        has_logs = self.sent < self.scope.rate and self.tokens > 0
        return has_logs and self.sent_bytes < self.scope.most_bytes

    def check_room(self, *, logs: int = 0, size: int = 1, rate: RatePolicy = RatePolicy.WINDOW) -> None:
        """Raise the 429 when `logs` more of `size` bytes together are above what the key may send."""
        has_bytes = self.sent_bytes + size <= self.scope.most_bytes
        if rate is RatePolicy.TOKENS:
            if self.tokens <= 0 or not has_bytes:
                raise _overdrawn(self.scope, -self.tokens, has_bytes=has_bytes)
        elif self.sent + logs > self.scope.rate or not has_bytes:
            raise rate_limited(self.scope, logs, self.window_seconds, has_bytes=has_bytes)


_remembered: dict[tuple[str, str], tuple[float, KeyScope]] = {}


def authenticate(credential: Credential) -> LiveKey:
    """Find the live key that was presented, with what it has sent so far. Raises ApiError 403 if there is none."""
    row = _run(AUTHENTICATE, credential)
    if row is None:
        raise refusal(credential)
    scope = KeyScope(*row[:9])
    live = LiveKey(scope, sent=row[11], sent_bytes=row[12], window_seconds=float(row[10]), tokens=row[13])
    if not row[9]:
        _rehash(credential)
    elif live.has_room:
        _remember(credential, scope)
    return live


def remembered_scope(credential: Credential) -> KeyScope | None:
    """Return the scope that the key had within the last ten seconds; a guess, to be confirmed by `admission`."""
    match = _remembered.get(_place(credential))
    return match[1] if match and match[0] > time.monotonic() else None


def admitted(
    credential: Credential,
    row: Sequence[Any] | None,
    *,
    expected: KeyScope,
    logs: int,
    rate: RatePolicy = RatePolicy.WINDOW,
) -> None:
    """Judge the row of ADMITTED that came of admitting a batch of `logs` that had been made for `expected`.

    Raises ApiError 403 when the key is not live any more, 429 when the batch is above its rate, ScopeChangedError when
    the key's scope is another by now. Then the caller must leave nothing of the batch behind.
    """
    if row is None:
        raise refusal(credential)
    scope = KeyScope(*row[:9])
    if _place_of(scope) != _place_of(expected):
        _forget(credential)
        raise ScopeChangedError
    if row[11] is None:
        # Until the window ends its batches shall be refused before they are written: the next one asks first.
        _forget(credential)
        raise rate_limited(scope, logs, float(row[10])) if rate is RatePolicy.WINDOW else _overdrawn(scope, 0)
    _remember(credential, scope)


def refusal(credential: Credential) -> ApiError:
    """Make the 403 for a key that does not authenticate: why, if the key is genuine, for the one who holds it."""
    _forget(credential)
    row = _run(REFUSAL, credential)
    if row is None or row[0]:
        return ApiError("FORBIDDEN", _UNKNOWN)
    key, org, service, environment = row[6:]
    scope = KeyScope(key, org, service, environment, retention_days=0, ingest_version=0, rate=0)
    return RefusedKeyError(_refusal_message(credential, *row[1:6]), scope)


def _refusal_message(
    credential: Credential,
    is_suspended: bool,
    is_expired: bool,
    scopes: Sequence[str],
    has_scope: bool,
    is_elsewhere: bool,
) -> str:
    if is_suspended:
        return "The organisation of this API key is suspended."
    if is_expired:
        return "This API key has expired. Create a new one on the service's page."
    if not has_scope:
        return f"This API key may send {' and '.join(sorted(scopes))} only, not {credential.scope}."
    if is_elsewhere:
        page = f"of {credential.origin[:100]}" if credential.origin else "without an Origin"
        return f"This API key is for web pages, not for one {page}; its page lists which."
    address = credential.address or "an address that is not known"
    return f"This API key may not be used from {address}; its page lists from where."


def touch(key_id: UUID, credential: Credential) -> None:
    """Note that a key was used, from where and by what, at most once a minute; for requests that are not counted."""
    with connection.cursor() as cursor:
        cursor.execute(TOUCH, {**credential.values, "key": key_id})


def count_bytes(key_id: UUID, size: int) -> None:
    """Count `size` bytes against a key for a body that was read and refused; those of stored logs count with them."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_BYTES, [size, key_id])


def rate_limited(scope: KeyScope, logs: int, window_seconds: float, *, has_bytes: bool = True) -> ApiError:
    """Make the 429 for a batch of `logs`; the window ends in `window_seconds`. `has_bytes`: its bytes would fit."""
    if logs > scope.rate:
        message = f"This API key may send {scope.rate} logs a minute; the batch alone has {logs}. Send smaller batches."
    else:
        megabytes = scope.most_bytes // 1024**2
        message = f"This API key may send {scope.rate} logs and {megabytes} MiB a minute. Wait for the next one."
    return ApiError("RATE_LIMITED", message, retry_after=max(1, math.ceil(window_seconds)), limit=_limit(has_bytes))


def _overdrawn(scope: KeyScope, missing: float, *, has_bytes: bool = True) -> ApiError:
    """Make the 429 for a token bucket that is `missing` tokens short of being empty."""
    message = f"This API key may send {scope.rate} logs a minute. Wait a moment, and send it again."
    wait = math.ceil(missing * 60 / scope.rate) if scope.rate else LONGEST_WAIT
    return ApiError("RATE_LIMITED", message, retry_after=min(max(wait, 1), LONGEST_WAIT), limit=_limit(has_bytes))


def _limit(has_bytes: bool) -> str:
    """Name the limit that was met: of bytes, else of logs."""
    return "INGEST_RATE_PER_MINUTE" if has_bytes else "INGEST_BYTES_PER_MINUTE"


def _run(statement: str, credential: Credential) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, credential.values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _rehash(credential: Credential) -> None:
    """Let the key be found by its hash under the salt of today from now on, if it is not in use this very moment."""
    with connection.cursor() as cursor:
        cursor.execute(REHASH, credential.values)


def _place_of(scope: KeyScope) -> tuple[UUID, UUID, UUID, UUID, int, int, bool]:
    """What a batch was made for: all but how much the key may send."""
    return (
        scope.key_id, scope.org_id, scope.service_id, scope.environment_id,
        scope.retention_days, scope.ingest_version, scope.is_bound,
    )  # fmt: skip


def _place(credential: Credential) -> tuple[str, str]:
    return credential.key_hash, credential.scope


def _forget(credential: Credential) -> None:
    _remembered.pop(_place(credential), None)


def _remember(credential: Credential, scope: KeyScope) -> None:
    if len(_remembered) >= REMEMBERED_KEYS:
        _remembered.clear()
    _remembered[_place(credential)] = (time.monotonic() + REMEMBERED_SECONDS, scope)
