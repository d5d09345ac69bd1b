"""The short way for routes that machines call in great number: no session, no CSRF token, no reader's zone.

`MachineRoutesMiddleware` stands right behind the correlation id and calls such a view itself, so everything below it
runs for pages alone. Machines are also forgiven a slash at the end of a path and doubled ones: a redirect would turn
their POST into a GET.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import ResolverMatch, get_urlconf, resolve
from django.views.decorators.csrf import csrf_exempt

from pulseops.core.web.keys_in_urls import hide_key_of_url, mask_whole_keys

View = TypeVar("View", bound=Callable[..., HttpResponse])
# Only paths below these are looked at; pages stand elsewhere.
MACHINE_PREFIXES = (
    "/api/", "/v1/", "/otlp/", "/loki/", "/es", "/services/collector", "/gelf", "/journald/", "/upload", "/drains/",
    "/firehose", "/ready", "/metrics", "//",
)  # fmt: skip
# What follows these is a client's own (a name of an index), so all of it is one route: the view reads the rest.
_WHOLE = ("/es/",)
_SLASHES = re.compile("//+")


def machine_route(view: View) -> View:
    """Let a view be called without the middleware that pages need; it authenticates by itself."""
    view.is_machine_route = True  # type: ignore[attr-defined]
    return csrf_exempt(view)


def plain_path(path: str) -> str:
    """Return a path without a slash at its end and without doubled ones."""
    return _SLASHES.sub("/", path).rstrip("/") if "//" in path or path.endswith("/") else path


def _route_path(path: str) -> str:
    """Return the path that routes are looked up by."""
    path = plain_path(path)
    return "/" + path.split("/", 2)[1] if path.startswith(_WHOLE) else path


@lru_cache(maxsize=64)
def _machine_route_at(path: str, urlconf: str) -> ResolverMatch | None:
    """Find the machine route at a path; resolving takes longer than some of their views."""
    try:
        match = resolve(path, urlconf)
    except Http404:
        return None
    return match if getattr(match.func, "is_machine_route", False) else None


class MachineRoutesMiddleware:
    """Call the views that are marked as machine routes; hand everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(MACHINE_PREFIXES):
            mask_whole_keys(request)
            return self.get_response(request)
        hide_key_of_url(request)
        match = _machine_route_at(_route_path(request.path_info), get_urlconf() or settings.ROOT_URLCONF)
        if match is None:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")  # as SecurityMiddleware does for pages
        return response
