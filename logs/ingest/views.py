"""POST /api/v1/logs/ingest."""

from __future__ import annotations

import logging

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from accounts.tenancy import public
from logs.ingest.guards import gate, unavailable
from logs.ingest.pipeline import receive
from pulseops.core.web.json_errors import ApiError, json_error
from pulseops.core.web.machine_routes import machine_route

log = logging.getLogger(__name__)


@public
@machine_route
def ingest(request: HttpRequest) -> HttpResponse:
    """Store a batch of logs and answer once it is on the disk."""
    if request.method != "POST":
        return json_error("METHOD_NOT_ALLOWED", "Logs are sent by POST.", allow=["POST"])
    try:
        reply = receive(request)
    except ApiError as error:
        return error.response()
    except (OperationalError, InterfaceError) as error:
        log.exception("a batch could not be stored")
        gate.report(error)
        return unavailable().response()
    response = HttpResponse(msgspec.json.encode(reply.answer), content_type="application/json")
    if reply.is_lenient:
        response["Preference-Applied"] = "handling=lenient"
    if reply.is_replayed:
        response["Idempotency-Replayed"] = "true"
    return response
