"""The short way for routes that machines call in great number: no session, no CSRF token, no reader's zone.

`MachineRoutesMiddleware` stands right behind the correlation id and calls such a view itself, so everything below it
runs for pages alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt

View = TypeVar("View", bound=Callable[..., HttpResponse])
_PREFIX = "/api/"


def machine_route(view: View) -> View:
    """Let a view under /api/ be called without the middleware that pages need; it authenticates by itself."""
    view.is_machine_route = True  # type: ignore[attr-defined]
    return csrf_exempt(view)


class MachineRoutesMiddleware:
    """Call the views that are marked as machine routes; hand everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(_PREFIX):
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Http404:
            return self.get_response(request)
        if not getattr(match.func, "is_machine_route", False):
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        return response
