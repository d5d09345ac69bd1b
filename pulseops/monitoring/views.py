"""/metrics: for who has the token, or without one for this machine alone."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pulseops.core import metrics as counted
from pulseops.core.ingest_counts import counts
from pulseops.core.web.json_errors import json_error
from pulseops.core.web.machine_routes import machine_route
from pulseops.core.web.page_metrics import note_pool
from pulseops.monitoring.figures import figures

# What proxies add. A request that has one of them came from elsewhere, whatever socket brought it.
_FORWARDED = (
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_FORWARDED", "HTTP_X_REAL_IP",
    "HTTP_VIA",
)  # fmt: skip


@login_not_required
@machine_route
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in Prometheus' text format; 401 to strangers."""
    if not _may_ask(request):
        text = "Send METRICS_TOKEN as a bearer token." if settings.METRICS_TOKEN else (
            "Set METRICS_TOKEN and send it as a bearer token; without it this machine alone may ask, past no proxy."
        )  # fmt: skip
        response = json_error("UNAUTHORIZED", text)
        response["WWW-Authenticate"] = "Bearer"
        return response
    note_pool()
    counts.add_up()
    with counted.settled():
        body = generate_latest(counted.registry())
    return HttpResponse(body + generate_latest(figures()), content_type=CONTENT_TYPE_LATEST)


def _may_ask(request: HttpRequest) -> bool:
    if token := settings.METRICS_TOKEN:
        given = request.META.get("HTTP_AUTHORIZATION", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode())
    return _is_of_this_machine(request)


def _is_of_this_machine(request: HttpRequest) -> bool:
    """Return whether the socket's other end is this machine, and is not a proxy that speaks for others.

    With an https address or TRUSTED_PROXIES there is a proxy, which may stand here: then nothing tells its requests
    from ours, and a token is needed.
    """
    if settings.IS_HTTPS or settings.TRUSTED_PROXIES or any(name in request.META for name in _FORWARDED):
        return False
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and _names_loopback(request.META.get("HTTP_HOST", ""))


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def _names_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    return name.lower() == "localhost" or _is_loopback(name.strip("[]"))
