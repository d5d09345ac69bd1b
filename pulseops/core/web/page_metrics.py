"""How long pages take, counted by kind; what machines send is counted where it is taken in."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

from pulseops.core.metrics import PAGE_SECONDS, PAGES, POOL_CONNECTIONS, POOL_WAITING

_KINDS = {"logs": "search", "admin": "admin"}  # of apps; all else is a page
_POOL_EVERY_SECONDS = 1.0


class PageMetricsMiddleware:
    """Count a page and its time, and once a second how this process's pool of connections is used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._pool_at = 0.0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        kind = _kind(request)
        PAGE_SECONDS.labels(kind).observe(time.perf_counter() - began)
        PAGES.labels(kind, f"{response.status_code // 100}xx").inc()
        if began >= self._pool_at:
            self._pool_at = began + _POOL_EVERY_SECONDS
            note_pool()
        return response


def _kind(request: HttpRequest) -> str:
    match = request.resolver_match
    return _KINDS.get(match.app_name, "page") if match else "other"


def note_pool() -> None:
    """Note how many connections the pool of this process has, and who waits for one."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        return
    stats = pool.get_stats()
    size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
    POOL_CONNECTIONS.labels("idle").set(idle)
    POOL_CONNECTIONS.labels("used").set(max(size - idle, 0))
    POOL_WAITING.set(stats.get("requests_waiting", 0))
