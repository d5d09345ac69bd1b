"""Logs from scripts of web pages: what a browser has to hear before it sends, and to show the answer to the page.

Only pages that a key is for hear anything (`services.origins`); for all others there is no CORS at all, which is how
an installation begins. Source: fetch.spec.whatwg.org, "HTTP extensions".
"""

from __future__ import annotations

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from logs.ingest.guards import gate
from pulseops.core.web.json_errors import ApiError
from services.origins import is_allowed_origin

_HEADERS = (
    "authorization, baggage, content-encoding, content-type, idempotency-key, prefer, traceparent, tracestate, "
    "x-api-key, x-correlation-id"
)
_SHOWN = "idempotency-replayed, preference-applied, retry-after, x-correlation-id"
_PREFLIGHT_SECONDS = "600"


def preflight(request: HttpRequest) -> HttpResponse | None:
    """Answer the question whether a page may send here; None for any other OPTIONS, and for pages that may not."""
    meta = request.META
    if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in meta or not _is_allowed(request):
        return None
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = "POST"
    response["Access-Control-Allow-Headers"] = _HEADERS
    response["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    if meta.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
        response["Access-Control-Allow-Private-Network"] = "true"
    return _shown_to_page(request, response)


def share(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the page that a browser sent for see the answer, if it is one that may send."""
    if _is_allowed(request):
        response["Access-Control-Expose-Headers"] = _SHOWN
        return _shown_to_page(request, response)
    return response


def _shown_to_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    response["Access-Control-Allow-Origin"] = request.META["HTTP_ORIGIN"]
    # sendBeacon always sends cookies, and so is let in only where they are allowed. None is looked at here.
    response["Access-Control-Allow-Credentials"] = "true"
    response["Vary"] = "Origin"
    return response


def _is_allowed(request: HttpRequest) -> bool:
    try:
        gate.enter()
        return is_allowed_origin(request.META.get("HTTP_ORIGIN", ""))
    except (ApiError, DatabaseError):
        return False
