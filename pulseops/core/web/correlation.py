"""Who asks, for everything that happens on behalf of one request or job: a correlation id and a client address.

Both live in a context variable, so log lines, audit rows, jobs and deliveries find them without being handed a request.
"""

from __future__ import annotations

import ipaddress
import random
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse

HEADER = "x-correlation-id"
_IN_META = "HTTP_X_CORRELATION_ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Origin:
    """What started the current work: `address` is the client's IP, None outside a request."""

    correlation_id: str
    address: str | None = None
    user_agent: str = ""


_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current_origin() -> Origin:
    """Return the origin of the current work; outside any request or job, a fresh one."""
    return _origin.get() or Origin(_new_identifier())


def correlation_id() -> str | None:
    """Return the correlation id of the current work, or None when nothing has set one."""
    origin = _origin.get()
    return origin.correlation_id if origin else None


@contextmanager
def correlated(identifier: str | None = None) -> Iterator[str]:
    """Run a job's work under `identifier`, the id that it was enqueued with, or under a new one."""
    origin = Origin(identifier or correlation_id() or _new_identifier())
    token = _origin.set(origin)
    try:
        yield origin.correlation_id
    finally:
        _origin.reset(token)


def client_address(request: HttpRequest) -> str | None:
    """Return the client's IP: the peer's, or behind `TRUSTED_PROXIES` proxies what the outermost of them saw."""
    peer = _as_address(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if len(hops) < settings.TRUSTED_PROXIES:
        return peer
    return _as_address(hops[-settings.TRUSTED_PROXIES]) or peer


@lru_cache(maxsize=1_000)
def _as_address(text: str) -> str | None:
    """Return the IP in `text`, which some proxies write with a port or a zone; None for what is not an IP address."""
    host = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)  # one client, one spelling


def _new_identifier() -> str:
    """Return an id that is most likely no one else's, as a UUID. It is not a secret.

    Not `uuid4`: asking the system for random bytes lets go of the interpreter, and the thread waits for its turn anew.
    """
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _forget_origin(**_: Any) -> None:
    _origin.set(None)


request_finished.connect(_forget_origin, dispatch_uid="pulseops.core.web.correlation")


class CorrelationMiddleware:
    """Take `x-correlation-id` from the request if it is well-formed, else make one; give it back on every response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        headers = request.META  # `request.headers` costs as much as all the rest of this
        given = headers.get(_IN_META, "")
        identifier = given if _ACCEPTED.match(given) else _new_identifier()
        # Not reset here: Django logs a failed request after the middleware. `request_finished` ends it.
        _origin.set(Origin(identifier, client_address(request), headers.get("HTTP_USER_AGENT", "")[:400]))
        response = self.get_response(request)
        response[HEADER] = identifier
        return response
