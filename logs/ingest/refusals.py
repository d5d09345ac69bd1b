"""Entries that were refused, counted for the owner of the key: other protocols have no way to tell the sender why.

A count and the first entry for each key, day and reason. Reasons are ours and few; what a sender wrote is a sample.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import DatabaseError, IntegrityError, InterfaceError, connection, transaction
from django.db.models import OuterRef
from django.db.models.functions import JSONObject, Now
from django.http import HttpRequest
from django.utils import timezone

from logs.ingest.refused import Refused
from logs.ingest.rows import TOO_OLD
from logs.ingest_rules.compiled import without_secrets
from logs.models import IngestRefusal
from pulseops.core.extensions import Panel
from pulseops.core.tally import Tally
from pulseops.core.web.json_errors import ApiError
from services.authentication import Credential, KeyScope, authenticate
from services.models import ApiKey, Service

KEPT = timedelta(days=7)
FRESH = timedelta(hours=1)
SHOWN = 20
_MOST_REASONS = 20  # of one request
_EVERY_SECONDS = 10  # for what says nothing of single entries
_MOST_RECORDED = 1_000
_recorded: dict[tuple[object, ...], float] = {}
_limited = Tally()
log = logging.getLogger(__name__)

_REQUESTS = {
    "BAD_REQUEST": "in a request that could not be read",
    "VALIDATION_ERROR": "in a request with an entry that is wrong",
    "PAYLOAD_TOO_LARGE": "in a request that was too large",
    "UNSUPPORTED_MEDIA_TYPE": "in a request of a kind that is not taken",
}
# One row for each reason; not worth a wait for the disk.
_RECORD = """
    INSERT INTO ingest_refusals AS row (org_id, service_id, api_key_id, day, protocol, reason, count, sample, client)
    SELECT %(org)s, %(service)s, %(key)s, (statement_timestamp() AT TIME ZONE 'UTC')::date, %(protocol)s,
           part.reason, part.count, part.sample, %(client)s
    FROM unnest(%(reasons)s::text[], %(counts)s::bigint[], %(samples)s::text[]) AS part (reason, count, sample)
    ON CONFLICT (api_key_id, day, protocol, reason)
        DO UPDATE SET count = row.count + excluded.count, last_at = statement_timestamp(), client = excluded.client
"""


def record_refusals(scope: KeyScope, credential: Credential, refused: Refused) -> None:
    """Add what was left out of a batch. Never fails: the batch is stored, and that is what its sender is to hear."""
    reasons = sorted(refused.counts)[:_MOST_REASONS]
    values: dict[str, Any] = {
        "org": scope.org_id,
        "service": scope.service_id,
        "key": scope.key_id,
        "protocol": credential.protocol,
        "client": credential.client,
        "reasons": reasons,
        "counts": [refused.counts[reason] for reason in reasons],
        "samples": [
            without_secrets(scope, refused.samples[reason].encode("utf-8", "replace").decode()) for reason in reasons
        ],
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = '1s'")
            cursor.execute(_RECORD, values)
    except IntegrityError:  # the key was deleted this very moment
        return
    except DatabaseError:
        log.exception("refused entries could not be counted")


def record_refused_key(scope: KeyScope, credential: Credential, message: str) -> None:
    """Count a request whose key is genuine and may not do this; one of many in a while."""
    if _is_due(scope.key_id, message):
        refused = Refused()
        refused.add("the key does not allow it", message)
        record_refusals(scope, credential, refused)


def record_unkept(credential: Credential, signal: str) -> None:
    """Note that a key's holder sends what PulseOps does not keep: traces, say. Never fails."""
    if not _is_due(credential.key_hash, signal):
        return
    refused = Refused()
    refused.add(f"{signal} are not kept, only logs", f"OTEL_{signal.upper()}_EXPORTER=none stops them")
    with suppress(ApiError, DatabaseError, InterfaceError):
        record_refusals(authenticate(credential).scope, credential, refused)


def _is_due(*what: object) -> bool:
    """Return whether this was not recorded by this process within the last seconds."""
    now = time.monotonic()
    if _recorded.get(what, -math.inf) > now - _EVERY_SECONDS:
        return False
    if len(_recorded) >= _MOST_RECORDED:
        _recorded.clear()
    _recorded[what] = now
    return True


def record_limited(scope: KeyScope, credential: Credential, error: ApiError) -> None:
    """Count a whole request that a limit refused, at least; `error` is what its sender was told."""
    if count := _limited.add((scope.key_id, error.limit)):
        reason = f"in a request above a limit ({error.limit})"
        record_refusals(scope, credential, Refused({reason: count}, {reason: error.message}))


def record_refused_request(scope: KeyScope, credential: Credential, error: ApiError) -> bool:
    """Count a request that was refused as a whole as one, with what its sender was answered; returns whether it is one
    that is refused for what it says."""
    if error.code not in _REQUESTS:
        return False
    refused = Refused()
    first = next((f" {each['path']} {each['message']}." for each in error.details or ()), "")
    refused.add(_REQUESTS[error.code], error.message + first)
    record_refusals(scope, credential, refused)
    return True


def forget_refusals() -> int:
    """Delete what is older than seven days; returns how many rows."""
    deleted, _ = IngestRefusal.objects.filter(last_at__lte=timezone.now() - KEPT).delete()
    return deleted


@dataclass(frozen=True, slots=True)
class KeyNotice:
    """What the newest refusal of a key says, for the page that waits for its first log."""

    count: int
    reason: str
    sample: str
    last_at: datetime
    sender: str  # "by Filebeat 8.17.1 (Elasticsearch bulk)"


def newest_refusal(key_id: UUID) -> KeyNotice | None:
    """Return the newest refusal of a key within the last hour, if there is one."""
    rows = IngestRefusal.objects.filter(api_key=key_id, last_at__gt=timezone.now() - FRESH).order_by("-last_at")
    row = rows.first()
    return KeyNotice(row.count, row.reason, row.sample, row.last_at, row.sender) if row else None


def key_notice(key: ApiKey) -> KeyNotice | None:
    """Give the set-up page of a key what was refused of what came with it."""
    return newest_refusal(key.pk)


def fresh_refusals() -> ArraySubquery:
    """Return, as a part of a query of organisations, what was refused within the last hour, the newest first."""
    fresh = IngestRefusal.objects.filter(org=OuterRef("pk"), last_at__gt=Now() - FRESH).order_by("-last_at")
    fields = JSONObject(
        service_id="service_id", service="service__name", days="service__retention_days", key="api_key_id",
        count="count", reason="reason", sample="sample",
    )  # fmt: skip
    return ArraySubquery(fresh.values(row=fields)[:SHOWN])


@dataclass(frozen=True, slots=True)
class RefusalNotice:
    """The newest of what was refused of an organisation's logs, for every page of those who can act."""

    title: str
    text: str
    service: str
    service_id: UUID


def refusal_notice(rows: Sequence[Mapping[str, Any]]) -> RefusalNotice:
    """Say what `fresh_refusals` has found; there is something."""
    first = rows[0]
    count = sum(row["count"] for row in rows if row["service_id"] == first["service_id"])
    others = len({row["service_id"] for row in rows}) - 1
    title = f"{count:,} log{'' if count == 1 else 's'} of {first['service']} refused today."
    reason = reason_in_words(first["reason"], first["service"], first["days"])
    text = f"The newest: {reason}; first: {first['sample'][:100]}"
    if others:
        text += f" (and logs of {others} other service{'' if others == 1 else 's'})"
    return RefusalNotice(title, text, first["service"], first["service_id"])


def reason_in_words(reason: str, service: str, days: int) -> str:
    """Return a reason with what is meant by "this service": older than the 7 days that api keeps."""
    kept = f"{days} day{'' if days == 1 else 's'} that {service} keeps"
    if reason == TOO_OLD:
        return f"older than the {kept}"
    return reason.replace("that this service keeps", f"that {service} keeps")


def refusals_panel(_request: HttpRequest, service: Service) -> Panel | None:
    """Show on a service's page what was refused in the last seven days; first of all while it is fresh."""
    now = timezone.now()
    kept = IngestRefusal.objects.filter(org=service.org_id, service=service.pk, last_at__gt=now - KEPT)
    rows = list(kept.select_related("api_key__environment").order_by("-last_at")[:SHOWN])
    if not rows:
        return None
    today = [row for row in rows if row.day == now.date()]
    is_fresh = rows[0].last_at > now - FRESH
    values: dict[str, Any] = {"rows": rows, "newest": rows[0], "is_fresh": is_fresh}
    values["today"] = sum(row.count for row in today)
    values["reason"] = reason_in_words(rows[0].reason, service.name, service.retention_days)
    return Panel("Refused logs", "logs/_refusals_panel.html", values, anchor="refused", is_urgent=is_fresh)
