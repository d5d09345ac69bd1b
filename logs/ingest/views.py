"""Views of routes that logs arrive by: each is a protocol and the methods it is spoken with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.tenancy import public
from logs.ingest.cors import preflight, share
from logs.ingest.pipeline import receive
from logs.ingest.protocols.base import Protocol
from logs.ingest.refusals import record_unkept
from pulseops.core.web.json_errors import ApiError
from pulseops.core.web.machine_routes import machine_route
from services.authentication import Credential
from services.models import ApiKey

View = Callable[..., HttpResponse]


def intake(protocol: Protocol[Any], *, methods: Sequence[str] = ("POST",)) -> View:
    """Return the view that takes logs in by `protocol`."""

    @public
    @machine_route
    def view(request: HttpRequest) -> HttpResponse:
        if request.method == "OPTIONS" and (answer := preflight(request)):
            return answer
        if request.method in protocol.probe_methods:
            return HttpResponse()
        if request.method not in methods:
            return protocol.refuse(ApiError("METHOD_NOT_ALLOWED", "Logs are sent by POST.", allow=methods), request)
        response = receive(request, protocol)
        return share(request, response) if "HTTP_ORIGIN" in request.META else response

    return view


def not_kept(protocol: Protocol[Any], signal: str) -> View:
    """Return the view that refuses, in the protocol's words, what PulseOps does not keep."""

    @public
    @machine_route
    def view(request: HttpRequest) -> HttpResponse:
        with suppress(ApiError):
            record_unkept(Credential.of(request.META, ApiKey.Scope.LOGS, protocol.name), signal)
        return protocol.refuse(ApiError("NOT_FOUND", "PulseOps keeps logs."), request)

    return view


def answers(text: str) -> View:
    """Return the view that says `text` to the one who asks whether someone is there; it touches no database."""

    @public
    @machine_route
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(text, content_type="text/plain; charset=utf-8")

    return view
