"""Our own protocol: POST /api/v1/logs/ingest, JSON or NDJSON, as docs/http-api.md promises it."""

from __future__ import annotations

import logging
import re

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from logs.ingest.batch import make_batch
from logs.ingest.body import body_kind, read_body
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.decode import Payload, make_payload
from logs.ingest.protocols.base import Protocol
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError
from services.key_statements import RatePolicy

log = logging.getLogger(__name__)

_LENIENT = re.compile(r'(?:^|,)\s*handling\s*=\s*"?lenient"?\s*(?:[,;]|$)', re.IGNORECASE)
_LONGEST_IDEMPOTENCY_KEY = 128


class JsonProtocol(Protocol[Payload]):
    """A batch is stored whole or refused whole, unless the sender prefers lenient handling."""

    name = "json"
    rate = RatePolicy.WINDOW
    bug_code = None

    @property
    def most_bytes(self) -> int:
        return int(settings.INGEST_MAX_BYTES)

    def load(self, request: HttpRequest) -> Payload:
        kind = body_kind(request)
        return make_payload(read_body(request), kind, is_lenient=_is_lenient(request))

    def read(self, body: Payload, request: HttpRequest, window: AcceptedTimes) -> Batch:
        try:
            return make_batch(body, window, is_lenient=_is_lenient(request))
        except (ApiError, MemoryError):
            raise
        except Exception as error:  # after a 500 its sender would send it forever
            log.exception("a batch could not be read")
            raise ApiError("BAD_REQUEST", "The body cannot be read.") from error

    def answer(self, batch: Batch, request: HttpRequest) -> Answer:
        if not _is_lenient(request):
            return {"data": {"accepted": batch.accepted}}
        return {"data": {"accepted": batch.accepted, "rejected": batch.rejected}, "details": batch.details}

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        response = HttpResponse(msgspec.json.encode(answer), content_type="application/json")
        if _is_lenient(request):
            response["Preference-Applied"] = "handling=lenient"
        if is_replayed:
            response["Idempotency-Replayed"] = "true"
        return response

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        return error.response()

    def idempotency_key(self, request: HttpRequest) -> str | None:
        key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is not None and not (0 < len(key) <= _LONGEST_IDEMPOTENCY_KEY and key.isprintable()):
            raise ApiError("BAD_REQUEST", f"Idempotency-Key has 1 to {_LONGEST_IDEMPOTENCY_KEY} printable characters.")
        return key


def _is_lenient(request: HttpRequest) -> bool:
    preference = request.META.get("HTTP_PREFER")
    return bool(preference and _LENIENT.search(preference))
