"""The short way for routes that machines call in great number: no session, no CSRF token, no reader's zone.

`MachineRoutesMiddleware` stands right behind the correlation id and calls such a view itself, so everything below it
runs for pages alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import ResolverMatch, get_urlconf, resolve
from django.views.decorators.csrf import csrf_exempt

View = TypeVar("View", bound=Callable[..., HttpResponse])
_PREFIX = "/api/"


def machine_route(view: View) -> View:
    """Let a view under /api/ be called without the middleware that pages need; it authenticates by itself."""
    view.is_machine_route = True  # type: ignore[attr-defined]
    return csrf_exempt(view)


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
        if not request.path_info.startswith(_PREFIX):
            return self.get_response(request)
        match = _machine_route_at(request.path_info, get_urlconf() or settings.ROOT_URLCONF)
        if match is None:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")  # as SecurityMiddleware does for pages
        return response
