"""The cron endpoints of contracts.md: the worker's jobs for installations that use an outside scheduler."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.tenancy import public
from alerts.evaluate import Report
from alerts.tasks import evaluate_alerts
from logs.tasks import delete_expired_logs
from notifications.tasks import deliver_notifications
from pulseops.core.web.json_errors import json_data, json_error
from pulseops.core.web.machine_routes import machine_route

HEADER = "x-internal-cron-secret"
Job = Callable[[], Mapping[str, Any]]
Refusal = Callable[[bool], HttpResponse]  # whether a secret was given


def _evaluate() -> Mapping[str, Any]:
    return evaluate_alerts() or Report().to_json()


def _notifications() -> Mapping[str, Any]:
    return deliver_notifications() or {"processed": 0, "results": []}


def _cleanup() -> Mapping[str, Any]:
    result = delete_expired_logs() or {"deleted": 0}
    return {"deleted": result["deleted"], "timestamp": timezone.now().isoformat()}


def _refuse_plainly(is_given: bool) -> HttpResponse:
    message = "Invalid cron credentials" if is_given else "Missing cron credentials"
    return JsonResponse({"error": "Unauthorized", "message": message}, status=401)


def _refuse_as_api(is_given: bool) -> HttpResponse:
    return json_error("UNAUTHORIZED", "Invalid cron secret")


def _refuse_cleanup(is_given: bool) -> HttpResponse:
    return JsonResponse({"error": "Unauthorized", "message": "Missing or invalid secret"}, status=401)


def _endpoint(job: Job, refuse: Refusal, *, is_internal: bool) -> Callable[[HttpRequest], HttpResponse]:
    @public
    @machine_route
    @never_cache
    @wraps(job)
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return json_error("METHOD_NOT_ALLOWED", "Jobs are started by POST.", allow=["POST"])
        if not settings.INTERNAL_CRON_SECRET:
            return json_error("UNAVAILABLE", "INTERNAL_CRON_SECRET is not set.", retry_after=3600)
        given = request.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode(), settings.INTERNAL_CRON_SECRET.encode()):
            return refuse(bool(given))
        result = job()
        return JsonResponse({"success": True, "data": dict(result)}) if is_internal else json_data(result)

    return view


evaluate = _endpoint(_evaluate, _refuse_plainly, is_internal=True)
notifications = _endpoint(_notifications, _refuse_plainly, is_internal=True)
cleanup = _endpoint(_cleanup, _refuse_plainly, is_internal=True)
rules_evaluate = _endpoint(_evaluate, _refuse_as_api, is_internal=False)
notifications_process = _endpoint(_notifications, _refuse_as_api, is_internal=False)
logs_cleanup = _endpoint(_cleanup, _refuse_cleanup, is_internal=False)
