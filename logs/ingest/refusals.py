"""Entries that were refused, counted for the owner of the key: other protocols have no way to tell the sender why.

A count and the first entry for each key, day and reason. Reasons are ours and few; what a sender wrote is a sample.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, IntegrityError, InterfaceError, connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from logs.ingest.refused import Refused
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
    return Panel("Refused logs", "logs/_refusals_panel.html", values, anchor="refused", is_urgent=is_fresh)
