"""What is answered when something goes wrong: for people a page in the frame, for machines the JSON of contracts.md.

None of these reads the database: it may be what went wrong. 403, 404 and 405 have the bar of a user who is signed in,
which the tenancy middleware has read already; the others stand in a bare one.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template import loader
from django.template.context_processors import csrf

from pulseops.core.db.distribution import is_worker_away
from pulseops.core.ui import context_processors
from pulseops.core.web.correlation import current_origin
from pulseops.core.web.json_errors import json_error

log = logging.getLogger(__name__)
RETRY_AFTER = 10  # seconds
_ENDED_WAITS = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected)
THROTTLED_FOR = 60  # seconds; the longest of the short windows in ACCOUNT_RATE_LIMITS


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400."""
    if _is_machine(request):
        return json_error("BAD_REQUEST", "The request could not be understood.")
    return _page(request, 400, "bare")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403; the reason of a PermissionDenied is shown, for our guards write it for people."""
    if _is_machine(request):
        return json_error("FORBIDDEN", str(exception) or "You may not do this.")
    return _page(request, 403, _bar(request), reason=str(exception or ""))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form whose token is missing or old; `reason` is Django's, for the log only."""
    log.warning("csrf refused", extra={"reason": reason, "path": request.path})
    if _is_machine(request):
        return json_error("FORBIDDEN", "The CSRF token is missing or wrong.")
    return _page(request, 403, "bare", template="errors/csrf.html")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    if _is_machine(request):
        return json_error("NOT_FOUND", "There is nothing here.")
    return _page(request, 404, _bar(request))


class NotAllowedMiddleware:
    """Give the bare 405 of the decorators in django.views.decorators.http a page; Django has no handler for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content or _is_machine(request):
            return response
        page = _page(request, 405, _bar(request))
        page["Allow"] = response["Allow"]
        return page


def length_required(request: HttpRequest) -> HttpResponse:
    """Answer 411 to a body that is sent in chunks: browsers send none, and how long it gets is anyone's guess."""
    if _is_machine(request):
        return json_error("LENGTH_REQUIRED", "Send the body with a Content-Length.")
    return _page(request, 411, "bare")


def too_large(request: HttpRequest) -> HttpResponse:
    """Answer 413 to a body above PAGE_MAX_BYTES."""
    if _is_machine(request):
        return json_error("PAYLOAD_TOO_LARGE", f"The body may have {settings.PAGE_MAX_BYTES} bytes.")
    return _page(request, 413, "bare")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer 429; allauth calls it when someone signs in, signs up or resets too often."""
    if _is_machine(request):
        return json_error("RATE_LIMITED", "Too many requests.", retry_after=THROTTLED_FOR)
    response = _page(request, 429, "bare")
    response["Retry-After"] = str(THROTTLED_FOR)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500; or 503 when the database is away or kept us waiting, wherever in the request that was noticed."""
    if is_database_away(sys.exception()) or is_database_busy(sys.exception()):
        return unavailable(request)
    if _is_machine(request):
        return json_error("INTERNAL_ERROR", "Something went wrong on our side.")
    return _page(request, 500, "bare")


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the database is away or busy."""
    if _is_machine(request):
        return json_error("UNAVAILABLE", "The database is away or busy; try again shortly.", retry_after=RETRY_AFTER)
    response = _page(request, 503, "bare")
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def _is_machine(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _bar(request: HttpRequest) -> str:
    return "full" if getattr(request, "membership", None) else "bare"


def _page(request: HttpRequest, status: int, bar: str, *, template: str = "", **extra: Any) -> HttpResponse:
    values = {
        **context_processors.frame(request),
        **csrf(request),
        "status": status,
        "correlation_id": current_origin().correlation_id,
        "request": request,
        "base": "base.html" if bar == "full" else "base_public.html",
        **(_reader(request) if bar == "full" else {}),
        **extra,
    }
    # No request is given to the engine: the context processors stay out, and with them every query.
    return HttpResponse(loader.render_to_string(template or f"errors/{status}.html", values), status=status)


def _reader(request: Any) -> dict[str, Any]:
    return {
        "user": request.user,
        "org": request.org,
        "membership": request.membership,
        "memberships": request.memberships,
    }


def is_database_away(exception: BaseException | None) -> bool:
    """Return whether `exception` comes from a connection that could not be had or was lost, not from a statement."""
    error = _database_error(exception)
    return error is not None and (_has_no_server(error) or is_worker_away(error))


def is_database_busy(exception: BaseException | None) -> bool:
    """Return whether `exception` comes from a statement that waited too long for a lock, or took too long."""
    error = _database_error(exception)
    return error is not None and isinstance(error.__cause__, _ENDED_WAITS)


def _database_error(exception: BaseException | None) -> DatabaseError | None:
    while exception is not None and not isinstance(exception, DatabaseError):
        exception = exception.__cause__
    return exception


def _has_no_server(exception: DatabaseError) -> bool:
    cause = exception.__cause__
    state = getattr(cause, "sqlstate", None)
    # Class 08 is the connection, 57P0x the server going down; no state at all means that no server answered.
    return type(exception).__name__ in {"OperationalError", "InterfaceError"} and (
        state is None or state.startswith(("08", "57P0"))
    )
