"""The end of every way in: a batch is stored, and what has to know of it is notified.

`pipeline` calls it for requests that bring one batch; what sends without an end (a journal, syslog) stores piece by
piece by `commit_piece`, which looks at the key anew each time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.utils import timezone

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.disk import disk_gate
from logs.ingest.group_commit import MERGED, mergers
from logs.ingest.guards import gate, room_to_store
from logs.ingest.refusals import record_refusals, record_refused_key
from logs.ingest.store import Receipt, store_batches
from logs.ingest_rules.compiled import apply_rules
from logs.ingest_rules.counts import note_counts
from logs.quotas import ingest_meter
from pulseops.core.extensions import AFTER_INGEST
from pulseops.core.ingest_counts import counts
from pulseops.core.self_logging import PROTOCOL as SELF
from pulseops.core.web.json_errors import ApiError
from services.authentication import Credential, KeyScope, LiveKey, RefusedKeyError, ScopeChangedError, authenticate
from services.key_statements import RatePolicy

_ATTEMPTS = 3
log = logging.getLogger(__name__)


def commit_batch(
    credential: Credential,
    scope: KeyScope,
    batch: Batch,
    *,
    rate: RatePolicy,
    receipt: Receipt | None = None,
) -> None:
    """Store a batch to which the service's rules were applied; raises what `store_batches` raises."""
    disk_gate.enter()
    if receipt is None and len(batch) <= MERGED:
        mergers[rate].store(credential, scope, batch)
    else:
        with room_to_store(scope.org_id):
            store_batches(credential, scope, [batch], receipt, rate)
    _note(scope, credential, batch)


def _note(scope: KeyScope, credential: Credential, batch: Batch) -> None:
    """Count a stored batch. Never fails: it is stored, and its sender, told otherwise, would send it again."""
    try:
        if batch.refused.counts:
            record_refusals(scope, credential, batch.refused)
        note_counts(scope, batch)
        for receive_batch in AFTER_INGEST if credential.protocol != SELF else ():
            receive_batch(scope.org_id, batch.has_errors)
        ingest_meter.add(scope.org_id, logs=len(batch), size=batch.size)
        counts.note_batch(credential.protocol, logs=len(batch), size=batch.size, refused=batch.rejected)
    except Exception:
        log.exception("a stored batch could not be counted")


def commit_piece(
    credential: Credential, read: Callable[[AcceptedTimes], Batch], receipt: Receipt | None = None
) -> KeyScope:
    """Store a piece of what has no end, under the key as the database knows it now; `read` makes it a batch.

    Raises ApiError (403 when the key is not live, 429 when it has sent enough, 503), AlreadyAnsweredError, or a
    database error. Whatever it raises, nothing of the piece was stored.
    """
    for _ in range(_ATTEMPTS):
        gate.enter()
        live = authenticate_noted(credential)
        live.check_room(rate=RatePolicy.TOKENS)
        ingest_meter.check(live.scope.org_id)
        batch = apply_rules(live.scope, read(AcceptedTimes(timezone.now(), live.scope.retention_days)))
        try:
            commit_batch(credential, live.scope, batch, rate=RatePolicy.TOKENS, receipt=receipt)
        except ScopeChangedError:
            continue
        return live.scope
    raise scope_is_changing()


def authenticate_noted(credential: Credential) -> LiveKey:
    """Find the key; that a genuine one was refused is for its owner to see. Raises ApiError 403."""
    try:
        return authenticate(credential)
    except RefusedKeyError as error:
        record_refused_key(error.scope, credential, error.message)
        raise


def scope_is_changing() -> ApiError:
    """Make the 503 for a key whose service is another each time it is looked at."""
    return ApiError("UNAVAILABLE", "The service is being changed. Try again.", retry_after=1)
