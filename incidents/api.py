"""What machines call: a deployment begins maintenance of its key's environment, and ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.quotas import QuotaError
from accounts.tenancy import public
from incidents.maintenance import end_window, open_window
from incidents.models import MaintenanceWindow
from pulseops.core.web.body import BodyIncompleteError, BodyTooLargeError, read_body
from pulseops.core.web.json_errors import ApiError, json_data, json_error
from pulseops.core.web.machine_routes import machine_route
from services.authentication import Credential, authenticate, touch
from services.models import ApiKey
from services.queries import environments_by_id

MAX_BYTES = 16 * 1024
_MINUTES_MAX = 24 * 60


class _Body(msgspec.Struct):
    minutes: Annotated[int, msgspec.Meta(ge=1, le=_MINUTES_MAX)]
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


@public
@machine_route
def maintenance_start(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/maintenance: 201 with the window's id and end."""
    if request.method != "POST":
        return json_error("METHOD_NOT_ALLOWED", "Send a POST.", allow=["POST"])
    try:
        credential = Credential.of(request.META, ApiKey.Scope.DEPLOYMENTS)
        key = authenticate(credential).scope
        sent = _read(request)
        environment = environments_by_id([key.environment_id]).get(key.environment_id)
        if environment is None:
            return json_error("FORBIDDEN", "This API key is unknown or revoked.")
        service = environment.service
        until = timezone.now() + timedelta(minutes=sent.minutes)
        window = open_window(
            actor=None, org=service.org, service=service, environment=environment, until=until,
            reason=sent.reason.replace("\0", ""), via="by the API",
        )  # fmt: skip
    except QuotaError as error:
        return json_error("RATE_LIMITED", "; ".join(error.messages), retry_after=60)
    except IntegrityError:  # the key's environment was deleted just now
        return json_error("FORBIDDEN", "This API key is unknown or revoked.")
    except ApiError as error:
        return error.response()
    touch(key.key_id, credential)
    return json_data({"id": window.pk, "until": window.ends_at.isoformat()}, status=201)


@public
@machine_route
def maintenance_end(request: HttpRequest, window_id: int) -> HttpResponse:
    """POST /api/v1/maintenance/ID/end: 200, also when it was over before."""
    if request.method != "POST":
        return json_error("METHOD_NOT_ALLOWED", "Send a POST.", allow=["POST"])
    try:
        credential = Credential.of(request.META, ApiKey.Scope.DEPLOYMENTS)
        key = authenticate(credential).scope
    except ApiError as error:
        return error.response()
    rows = MaintenanceWindow.objects.select_related("org", "service", "environment")
    window = rows.filter(pk=window_id, org_id=key.org_id, environment_id=key.environment_id).first()
    if window is None:
        return json_error("NOT_FOUND", "There is no such maintenance window of this key's environment.")
    ended = end_window(actor=None, window=window)
    touch(key.key_id, credential)
    return json_data({"id": window.pk, "ended": ended})


def _read(request: HttpRequest) -> _Body:
    if request.content_type not in {"application/json", "text/plain", ""}:
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send application/json.")
    try:
        return msgspec.json.decode(read_body(request, MAX_BYTES), type=_Body)
    except BodyTooLargeError as error:
        raise ApiError("PAYLOAD_TOO_LARGE", f"This body has at most {MAX_BYTES // 1024} KiB.") from error
    except BodyIncompleteError as error:
        raise ApiError("BAD_REQUEST", "The body did not arrive whole.") from error
    except msgspec.ValidationError as error:
        raise ApiError("VALIDATION_ERROR", f"Expected minutes (1 to {_MINUTES_MAX}) and perhaps a reason.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError("BAD_REQUEST", "The body is not JSON.") from error
