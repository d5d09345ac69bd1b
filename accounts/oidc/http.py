"""What allauth sends its requests with: the guarded client, in the shape of a session of `requests`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

import requests

from pulseops.core.outbound.client import TIMEOUT, Answer, RefusedError, UnreachableError, exchange


@dataclass(slots=True)
class Wait:
    """What requests of one page to a provider may take together, and have taken, in seconds."""

    most: float
    seconds: float = 0.0

    @contextmanager
    def counted(self) -> Iterator[float]:
        """Count what is waited meanwhile; returns how long it may be, raises RequestException when nothing is left."""
        left = min(TIMEOUT, self.most - self.seconds)
        if left <= 0:
            raise requests.RequestException("The provider's answers took too long together.")
        begun = time.monotonic()
        try:
            yield left
        finally:
            self.seconds += time.monotonic() - begun


_wait: ContextVar[Wait | None] = ContextVar("wait_for_provider", default=None)


@contextmanager
def within(seconds: float) -> Iterator[Wait]:
    """Let all requests to a provider take `seconds` together at most."""
    wait = Wait(seconds)
    token = _wait.set(wait)
    try:
        yield wait
    finally:
        _wait.reset(token)


class GuardedSession:
    """GET and POST to public addresses alone, within one deadline; what cannot be had raises RequestException."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get(self, url: str, **options: Any) -> _Response:
        return self.request("GET", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        **_: Any,
    ) -> _Response:
        """Send a request; raises RequestException when it may not go there or nothing came back."""
        prepared = requests.Request(method, url, params=params, data=data, headers=headers, auth=auth).prepare()
        body = prepared.body.encode() if isinstance(prepared.body, str) else bytes(prepared.body or b"")
        sent = {name: value for name, value in prepared.headers.items() if name.lower() != "content-length"}
        try:
            with (_wait.get() or Wait(TIMEOUT)).counted() as seconds:
                return _Response(exchange(method, str(prepared.url), body, sent, seconds))
        except (RefusedError, UnreachableError) as error:
            raise requests.RequestException(str(error)) from error


class _Response:
    """As much of a response of `requests` as allauth looks at."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.headers = {"content-type": "", **answer.headers}
        self.content = answer.body
        self.text = answer.body.decode("utf-8", "replace")

    def json(self) -> dict[str, Any]:
        """Return the JSON object; raises RequestException for anything else."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise requests.RequestException("The provider's answer is not JSON.") from error
        if not isinstance(value, dict):
            raise requests.RequestException("The provider's answer is not a JSON object.")
        return value

    def raise_for_status(self) -> None:
        """Raise RequestException unless the answer is one of success."""
        if not 200 <= self.status_code < 300:
            raise requests.RequestException(f"The provider answered {self.status_code}.")
