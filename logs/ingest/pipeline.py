"""One request from beginning to end, in the order that contracts.md gives the checks; the protocol has the words."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Generic

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.refused import note_refused
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.commit import authenticate_noted, commit_batch, scope_is_changing
from logs.ingest.guards import gate, stored_unknown, unavailable
from logs.ingest.large_bodies import large_bodies
from logs.ingest.protocols.base import Body, Protocol
from logs.ingest.refusals import record_limited, record_refused_request
from logs.ingest.store import AlreadyAnsweredError, OutcomeUnknownError, Receipt, first_answer
from logs.ingest_rules.compiled import apply_rules
from logs.quotas import ingest_meter
from pulseops.core.db.worker_breaker import WorkerSilentError
from pulseops.core.ingest_counts import counts
from pulseops.core.metrics import ingest_request
from pulseops.core.web import senders
from pulseops.core.web.json_errors import ApiError
from services.authentication import (
    Credential,
    KeyScope,
    LiveKey,
    ScopeChangedError,
    count_bytes,
    remembered_scope,
)
from services.models import ApiKey

log = logging.getLogger(__name__)

_ATTEMPTS = 3


def receive(request: HttpRequest, protocol: Protocol[Body]) -> HttpResponse:
    """Take in what a request brings, and answer once it is on the disk."""
    began = perf_counter()
    try:
        response = _accept(request, protocol)
    except ApiError as error:
        return _refuse(request, protocol, error)
    except (OperationalError, InterfaceError) as error:
        if not isinstance(error, WorkerSilentError):  # which is said once, of those that waited for the worker
            log.exception("a batch could not be stored")
        gate.report(error)
        is_unknown = isinstance(error, OutcomeUnknownError)
        return _refuse(request, protocol, stored_unknown() if is_unknown else unavailable())
    except Exception:
        if protocol.bug_code is None:
            ingest_request(protocol.name, 500, "internal_error").inc()
            raise
        log.exception("a batch of %s met an error of ours", protocol.name)
        text = "PulseOps made a mistake, which is in its log. Send it again."
        return _refuse(request, protocol, ApiError(protocol.bug_code, text, retry_after=5))
    finally:
        large_bodies.release()
    counts.note_answer(protocol.name, response.status_code, perf_counter() - began)
    return response


def _refuse(request: HttpRequest, protocol: Protocol[Body], error: ApiError) -> HttpResponse:
    response = protocol.refuse(error, request)
    ingest_request(protocol.name, response.status_code, error.code.lower()).inc()
    return response


def _accept(request: HttpRequest, protocol: Protocol[Body]) -> HttpResponse:
    delivery = _Delivery(request, protocol)
    scope = remembered_scope(delivery.credential)
    if scope is not None:
        try:
            return delivery.accept(scope)
        except (ApiError, ScopeChangedError, AlreadyAnsweredError):
            pass  # the scope was a guess: what is wrong is answered only once the key was looked up
    return delivery.accept_checked()


class _Delivery(Generic[Body]):
    """A request as ingest sees it; nothing of it is read before it is asked for."""

    def __init__(self, request: HttpRequest, protocol: Protocol[Body]) -> None:
        self.request = request
        self.protocol = protocol
        self.credential = Credential.of(request.META, ApiKey.Scope.LOGS, protocol.name)
        self.received_at = timezone.now()
        self._body: Body | ApiError | None = None
        self._batches: dict[AcceptedTimes, Batch | ApiError] = {}

    def body(self) -> Body:
        """Read the body, once: asked again, this gives the same, or raises the same ApiError."""
        if self._body is None:
            try:
                self._body = self.protocol.load(self.request)
            except ApiError as error:
                self._body = error
        if isinstance(self._body, ApiError):
            raise self._body
        return self._body

    def batch(self, window: AcceptedTimes) -> Batch:
        """Read the body's logs as they are in `window`, once; raises the same ApiError again."""
        if window not in self._batches:
            try:
                self._batches[window] = batch = self.protocol.read(self.body(), self.request, window)
                batch.size = len(self.body())
            except ApiError as error:
                self._batches[window] = error
        match = self._batches[window]
        if isinstance(match, ApiError):
            raise match
        return match

    @cached_property
    def idempotency_key(self) -> str | None:
        return self.protocol.idempotency_key(self.request)

    def accept_checked(self) -> HttpResponse:
        """Accept the batch under the key as the database knows it now."""
        gate.enter()
        for _ in range(_ATTEMPTS):
            live = authenticate_noted(self.credential)
            try:
                live.check_room(rate=self.protocol.rate)
                return self._replay(live) or self.accept(live.scope, live)
            except (ScopeChangedError, AlreadyAnsweredError):
                continue
            except ApiError as error:
                self._note_refusal(live.scope, error)
                raise
        raise scope_is_changing()

    def accept(self, scope: KeyScope, live: LiveKey | None = None) -> HttpResponse:
        """Accept the batch under `scope`; raises what `store_batches` raises."""
        senders.belongs_to(scope.org_id)
        ingest_meter.check(scope.org_id)
        batch = apply_rules(scope, self.batch(AcceptedTimes(self.received_at, scope.retention_days)))
        protocol = self.protocol
        if live is not None:
            live.check_room(logs=len(batch), size=batch.size, rate=protocol.rate)
        answer = protocol.answer(batch, self.request)
        receipt = Receipt(self.idempotency_key, answer) if self.idempotency_key is not None else None
        commit_batch(self.credential, scope, batch, rate=protocol.rate, receipt=receipt)
        return protocol.respond(answer, self.request, is_replayed=False)

    def _note_refusal(self, scope: KeyScope, error: ApiError) -> None:
        """Let the owner of the key see what its sender is told."""
        if record_refused_request(scope, self.credential, error):
            count_bytes(scope.key_id, self._size(error))
        elif error.limit:
            note_refused(scope.org_id, error.limit)
            record_limited(scope, self.credential, error)

    def _size(self, refusal: ApiError) -> int:
        """Return how many bytes were read of a body that is refused."""
        if self._body is None or isinstance(self._body, ApiError):
            return self.protocol.most_bytes if refusal.code == "PAYLOAD_TOO_LARGE" else 0
        return len(self._body)

    def _replay(self, live: LiveKey) -> HttpResponse | None:
        """Give the first answer if this is a repetition; what the body says now does not matter then."""
        self.body()
        if self.idempotency_key is None:
            return None
        first = first_answer(live.scope.key_id, self.idempotency_key)
        return self.protocol.respond(first, self.request, is_replayed=True) if first is not None else None
