"""The JSON errors of contracts.md: one shape, one table of codes, no text from the database or a stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, JsonResponse

from pulseops.core.web.correlation import current_origin

STATUS: Mapping[str, int] = {
    "BAD_REQUEST": 400,
    "VALIDATION_ERROR": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "LENGTH_REQUIRED": 411,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "UNAVAILABLE": 503,
}


@dataclass(eq=False)  # not frozen: Python notes the traceback on an exception
class ApiError(Exception):
    """A request that a machine client made cannot be answered; what it has is what `json_error` takes.

    And `limit`, the setting of the limit that it was above, where it was above one.
    """

    code: str
    message: str
    details: Sequence[Mapping[str, Any]] | None = None
    retry_after: int | None = None
    allow: Sequence[str] = ()
    stored: str | None = None
    limit: str = ""

    def response(self) -> JsonResponse:
        return json_error(
            self.code,
            self.message,
            details=self.details,
            retry_after=self.retry_after,
            allow=self.allow,
            stored=self.stored,
        )


def json_error(
    code: str,
    message: str,
    *,
    details: Sequence[Mapping[str, Any]] | None = None,
    retry_after: int | None = None,
    allow: Sequence[str] = (),
    stored: str | None = None,
) -> JsonResponse:
    """Build the error response for `code`, a key of STATUS.

    `retry_after` is in seconds, `allow` the methods of a 405; `stored` is "unknown" where what was sent may be stored.
    """
    error: dict[str, Any] = {"code": code, "message": message}
    if stored is not None:
        error["stored"] = stored
    if details is not None:
        error["details"] = list(details)
    response = JsonResponse({"error": error, "correlationId": current_origin().correlation_id}, status=STATUS[code])
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    if allow:
        response["Allow"] = ", ".join(allow)
    return response


def json_data(data: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    """Build the success response `{"data": …}`."""
    return JsonResponse({"data": data}, status=status)
