"""What a protocol has to say for itself; `logs.ingest.pipeline` does the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence, Sized
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.foreign_body import read_foreign_body
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import STATUS, ApiError
from services.key_statements import RatePolicy

Body = TypeVar("Body", bound=Sized)
LONGEST_REASON = 300  # characters of what is said about refused entries


class Protocol(ABC, Generic[Body]):
    """How one kind of client sends logs, and what it understands as an answer."""

    name: ClassVar[str]  # as refused entries are counted under
    rate: ClassVar[RatePolicy]
    bug_code: ClassVar[str | None]  # the error that an exception of ours becomes; None leaves it to Django
    probe_methods: ClassVar[Sequence[str]] = ()  # by which its clients ask whether somebody is there

    @property
    @abstractmethod
    def most_bytes(self) -> int:
        """How many bytes a body may have, unpacked."""

    @abstractmethod
    def load(self, request: HttpRequest) -> Body:
        """Read the request's body, in bounded time and memory. Raises ApiError."""

    @abstractmethod
    def read(self, body: Body, request: HttpRequest, window: AcceptedTimes) -> Batch:
        """Return what is to be stored of a body and what was left out. Raises ApiError for a body that is not the
        protocol at all; called again when the key's service has changed meanwhile."""

    def answer(self, batch: Batch, request: HttpRequest) -> Answer:
        """Return what is known about a stored batch, as JSON: a receipt keeps it for when the batch is sent again."""
        return {"accepted": len(batch), "rejected": batch.rejected, "reason": batch.reason}

    @abstractmethod
    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        """Say that a batch is stored; `answer` is that of `answer`, of now or of the first time."""

    @abstractmethod
    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        """Say why nothing was stored."""

    def idempotency_key(self, request: HttpRequest) -> str | None:
        """Return what the client marks a repetition of this very request by. Raises ApiError 400 for a wrong one."""
        return None


class ForeignProtocol(Protocol[bytes]):
    """A protocol that others have defined: any encoding, no limit but bytes, and no 4xx for what entries say."""

    rate = RatePolicy.TOKENS
    bug_code = "INTERNAL_ERROR"

    @property
    def most_bytes(self) -> int:
        return int(settings.INGEST_FOREIGN_MAX_BYTES)

    def load(self, request: HttpRequest) -> bytes:
        return read_foreign_body(request)


def status_response(error: ApiError, content: bytes, content_type: str, *, status: int | None = None) -> HttpResponse:
    """Build the response for an error with a body in the protocol's words."""
    response = HttpResponse(content, content_type=content_type, status=status or STATUS[error.code])
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if error.allow:
        response["Allow"] = ", ".join(error.allow)
    return response


def json_response(value: Any, *, status: int = 200) -> HttpResponse:
    """Build a compact JSON response."""
    return HttpResponse(msgspec.json.encode(value), content_type="application/json", status=status)
