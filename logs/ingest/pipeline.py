"""One request from beginning to end, in the order that contracts.md gives the checks."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from logs.ingest.batch import make_batch
from logs.ingest.body import body_kind, read_body
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.decode import Payload, make_payload
from logs.ingest.disk import disk_gate
from logs.ingest.group_commit import MERGED, merger
from logs.ingest.guards import gate
from logs.ingest.store import AlreadyAnsweredError, Answer, Receipt, first_answer, store_batches
from pulseops.core.extensions import AFTER_INGEST
from pulseops.core.web.json_errors import ApiError
from services.authentication import (
    Credential,
    KeyScope,
    LiveKey,
    ScopeChangedError,
    authenticate,
    count_bytes,
    remembered_scope,
)
from services.models import ApiKey

log = logging.getLogger(__name__)

_LENIENT = re.compile(r'(?:^|,)\s*handling\s*=\s*"?lenient"?\s*(?:[,;]|$)', re.IGNORECASE)
_LONGEST_IDEMPOTENCY_KEY = 128
_REFUSED_FOR_CONTENT = {"BAD_REQUEST", "VALIDATION_ERROR", "PAYLOAD_TOO_LARGE"}
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """What a batch is answered with; `is_replayed`: it was stored by an earlier request with its Idempotency-Key."""

    answer: Answer
    is_lenient: bool
    is_replayed: bool = False


def receive(request: HttpRequest) -> Reply:
    """Take in a request's batch; when this returns, it is on the disk. Raises ApiError or a database error."""
    delivery = _Delivery(request)
    scope = remembered_scope(delivery.credential)
    if scope is not None:
        try:
            return delivery.accept(scope)
        except (ApiError, ScopeChangedError, AlreadyAnsweredError):
            pass  # the scope was a guess: whatever is wrong is told only after a look at the key
    return delivery.accept_checked()


class _Delivery:
    """A request as ingest sees it; nothing of it is read before it is asked for."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.credential = Credential.of(request.META, ApiKey.Scope.LOGS)
        self.is_lenient = bool(_LENIENT.search(request.META.get("HTTP_PREFER", "")))
        self.received_at = timezone.now()
        self._payload: Payload | ApiError | None = None
        self._batches: dict[AcceptedTimes, Batch | ApiError] = {}

    def payload(self) -> Payload:
        """Read the body, once: asked again, this gives the same payload, or raises the same ApiError."""
        if self._payload is None:
            try:
                kind = body_kind(self.request)
                self._payload = make_payload(read_body(self.request), kind)
            except ApiError as error:
                self._payload = error
        if isinstance(self._payload, ApiError):
            raise self._payload
        return self._payload

    def batch(self, window: AcceptedTimes) -> Batch:
        """Read the body's logs as they are in `window`, once; raises the same ApiError again."""
        if window not in self._batches:
            try:
                self._batches[window] = _checked_batch(self.payload(), window, is_lenient=self.is_lenient)
            except ApiError as error:
                self._batches[window] = error
        batch = self._batches[window]
        if isinstance(batch, ApiError):
            raise batch
        return batch

    @cached_property
    def idempotency_key(self) -> str | None:
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is not None and not (0 < len(key) <= _LONGEST_IDEMPOTENCY_KEY and key.isprintable()):
            raise ApiError("BAD_REQUEST", f"Idempotency-Key has 1 to {_LONGEST_IDEMPOTENCY_KEY} printable characters.")
        return key

    def accept_checked(self) -> Reply:
        """Accept the batch under the key as the database knows it now."""
        gate.enter()
        for _ in range(_ATTEMPTS):
            live = authenticate(self.credential)
            live.check_room()
            try:
                return self._replay(live) or self.accept(live.scope, live)
            except (ScopeChangedError, AlreadyAnsweredError):
                continue
            except ApiError as error:
                if error.code in _REFUSED_FOR_CONTENT:
                    count_bytes(live.scope.key_id, self._size(error))
                raise
        raise ApiError("UNAVAILABLE", "The service is being changed. Try again.", retry_after=1)

    def accept(self, scope: KeyScope, live: LiveKey | None = None) -> Reply:
        """Accept the batch under `scope`; raises what `store_batches` raises."""
        batch = self.batch(AcceptedTimes(self.received_at, scope.retention_days))
        if live is not None:
            live.check_room(logs=len(batch), size=batch.size)
        answer = self._answer(batch)
        disk_gate.enter()
        receipt = Receipt(self.idempotency_key, answer) if self.idempotency_key is not None else None
        if receipt is None and len(batch) <= MERGED:
            merger.store(self.credential, scope, batch)
        else:
            gate.enter()
            store_batches(self.credential, scope, [batch], receipt)
        for tell in AFTER_INGEST:
            tell(scope.org_id, batch.has_errors)
        return Reply(answer, self.is_lenient)

    def _size(self, refusal: ApiError) -> int:
        """Return how many bytes were read of a body that is refused."""
        if isinstance(self._payload, Payload):
            return len(self._payload.content)
        return int(settings.INGEST_MAX_BYTES) if refusal.code == "PAYLOAD_TOO_LARGE" else 0

    def _replay(self, live: LiveKey) -> Reply | None:
        """Return the first answer if this is a repetition; what the body says now does not matter then."""
        self.payload()
        if self.idempotency_key is None:
            return None
        first = first_answer(live.scope.key_id, self.idempotency_key)
        return Reply(first, self.is_lenient, is_replayed=True) if first is not None else None

    def _answer(self, batch: Batch) -> Answer:
        if not self.is_lenient:
            return {"data": {"accepted": len(batch)}}
        return {"data": {"accepted": len(batch), "rejected": batch.rejected}, "details": batch.details}


def _checked_batch(payload: Payload, window: AcceptedTimes, *, is_lenient: bool) -> Batch:
    """Make a batch; whatever a body makes of our reading it is a 400: after a 500 its sender would send it forever."""
    try:
        return make_batch(payload, window, is_lenient=is_lenient)
    except (ApiError, MemoryError):
        raise
    except Exception as error:
        log.exception("a batch could not be read")
        raise ApiError("BAD_REQUEST", "The body cannot be read.") from error
