"""Sends changed requests through the whole of the web application and judges each answer.

Each request is undone in the database, so that the thousandth finds what the first found. Nothing leaves the machine.
"""

from __future__ import annotations

import socket
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from unittest import mock
from urllib.parse import quote_plus, urlsplit

from django.db import transaction
from django.test import Client, override_settings

from pulseops.core.web.wsgi_request import Utf8Request
from tests.fuzz import mutations
from tests.fuzz.forms import PARAMETERS, Shape
from tests.fuzz.large import FORM, Load, Request, machine_request, page_request
from tests.fuzz.machines import Seed, signed
from tests.fuzz.readers import Readers
from tests.support.cpu import BUDGET_SECONDS

BASE_SECONDS = 0.3  # of CPU: what a page may cost on a busy machine, whatever it is given
_TRIES = 2  # more, for what seems to be slow
_HEADERS = ("Accept", "Accept-Language", "Referer", "X-Forwarded-For", "User-Agent", "HX-Request", "HX-Current-URL", "Range",
            "If-Modified-Since", "If-None-Match", "Content-Encoding", "Cookie", "Authorization", "X-Request-Id", "traceparent",
            "Idempotency-Key", "X-PulseOps-Message", "X-PulseOps-Handling", "Logplex-Frame-Id", "Logplex-Msg-Count",
            "X-Amz-Firehose-Common-Attributes", "X-GitHub-Event", "X-Splunk-Request-Channel")  # fmt: skip


@dataclass(slots=True)
class Report:
    """What was tried and found."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)  # where -> the first request that showed it
    slowest: tuple[float, str] = (0.0, "")

    @property
    def tried(self) -> int:
        """How many requests were sent."""
        return self.statuses.total()

    def __str__(self) -> str:
        told = f"{self.tried} requests, {dict(sorted(self.statuses.items()))}, slowest {self.slowest[0]:.2f} s CPU: {self.slowest[1]}"
        return "\n\n".join([told, *(f"{where}\n  {request}" for where, request in self.faults.items())])


class Fuzzer:
    """`budget` is in seconds of CPU for one request."""

    def __init__(self, random: Random, readers: Readers, budget: float = BUDGET_SECONDS) -> None:
        self.random, self.report, self._readers, self._budget = random, Report(), readers, budget

    def machine(self, seed: Seed) -> None:
        """Send a changed request to a route of machines."""
        body = mutations.body(self.random, seed.body)
        headers, kind = signed(seed, body), seed.content_type
        if self.random.random() < 0.1:
            body, headers = mutations.compressed(self.random, body), {**headers, "content-encoding": "gzip"}
        if self.random.random() < 0.1:
            kind = self.random.choice(
                (*mutations.CONTENT_TYPES, f"{kind}; charset={self.random.choice(mutations.ENCODINGS)}")
            )
        path = self._query(seed.path) if self.random.random() < 0.2 else seed.path
        method = self.random.choice((seed.method,) * 20 + ("GET", "PUT", "HEAD", "OPTIONS", "DELETE"))
        self._send(Request(method, path, body, kind, self._spoiled(headers, 0.15)), Client())

    def page(self, shape: Shape) -> None:
        """Send a changed form, or ask for a page with changed parameters."""
        client = self._client(shape)
        made = mutations.fields(self.random, shape.fields, PARAMETERS)
        path = self._argument(shape.path) if self.random.random() < 0.1 else shape.path
        headers = self._spoiled({"HX-Request": "true"} if self.random.random() < 0.2 else {}, 0.1)
        if shape.method == "POST" and self.random.random() < 0.15:
            body, kind = mutations.multipart(self.random, made)
            self._send(Request("POST", path, body, kind, headers), client)
        elif shape.method == "POST":
            self._send(Request("POST", path, self._form(made), self._form_type(), headers), client)
        else:
            self._send(Request("GET", f"{path.split('?')[0]}?{_encoded(made)}", headers=headers), client)

    def large(self, target: Seed | Shape, load: Load, *, share: float = 1.0) -> None:
        """Send one of the largest requests that a target takes, or `share` of it."""
        if isinstance(target, Seed):
            self._send(machine_request(target, load, share), Client(), share)
        else:
            client = Client() if target.is_for_strangers else self._readers.operator()
            self._send(page_request(target, load, share), client, share)

    def _client(self, shape: Shape) -> Client:
        if self.report.tried % 500 == 0:
            self._readers.renew()
        return Client() if shape.is_for_strangers else self._readers.client(self.random)

    def _form(self, made: list[mutations.Field]) -> bytes:
        body = _encoded(made).encode()
        return mutations.body(self.random, body) if self.random.random() < 0.1 else body

    def _form_type(self) -> str:
        return self.random.choice(mutations.CONTENT_TYPES) if self.random.random() < 0.05 else FORM

    def _query(self, path: str) -> str:
        return f"{path}{'&' if '?' in path else '?'}{_encoded(mutations.fields(self.random, [], PARAMETERS))}"

    def _argument(self, path: str) -> str:
        """Change one part of a path, as an address that someone made up."""
        parts = urlsplit(path).path.split("/")
        at = self.random.randrange(1, len(parts)) if len(parts) > 1 else 0
        parts[at] = quote_plus(mutations.value(self.random, parts[at])[:2_000].encode("utf-8", "surrogatepass"))
        return "/".join(parts)

    def _spoiled(self, headers: dict[str, str], chance: float) -> dict[str, str]:
        if self.random.random() > chance:
            return headers
        name = self.random.choice((*headers, *_HEADERS))
        content = mutations.value(self.random, headers.get(name, ""))[:8_000]
        plain = content.encode("utf-8", "surrogatepass").decode("latin-1").translate({10: None, 13: None, 0: None})
        return {**headers, name: plain}

    def _send(self, request: Request, client: Client, share: float = 1.0) -> None:
        budget = self._budget * share + (BASE_SECONDS if share < 1 else 0)
        status, where, spent = self._try(request, client)
        for _ in range(_TRIES):
            if spent > budget:  # or the machine is busy
                spent = min(spent, self._try(request, client)[2])
        self.report.statuses[status] += 1
        self.report.slowest = max(self.report.slowest, (spent, _told(request)))
        if where:
            self.report.faults.setdefault(where, _told(request))
        elif spent > budget:
            self.report.faults.setdefault(f"{spent:.2f} s of CPU: {request.method} {request.path[:60]}", _told(request))

    def _try(self, request: Request, client: Client) -> tuple[int, str, float]:
        """Return the status, what is wrong with the answer, and the seconds of CPU."""
        address = ".".join(str(self.random.randrange(1, 255)) for _ in range(4))
        started, status = time.thread_time(), 599
        try:
            with _undone():
                status, where = _answer(client, request, address)
        except Exception as error:
            where = _place(error)
        return status, where, time.thread_time() - started


def _answer(client: Client, request: Request, address: str) -> tuple[int, str]:
    """Return the status of the answer, read to its end, and what is wrong with it."""
    response = client.generic(
        request.method, urlsplit(request.path).path, request.body, request.content_type,
        headers=request.headers, QUERY_STRING=request.path.partition("?")[2], REMOTE_ADDR=address,
    )  # fmt: skip
    if response.streaming:
        list(response)
    is_fault = response.status_code >= 500 and response.status_code not in {501, 503}
    return response.status_code, f"{response.status_code} of {request.path.split('?')[0]}" if is_fault else ""


@contextmanager
def _undone() -> Iterator[None]:
    """Undo what happens inside; what commits durably takes it for the test's own transaction, as it does outside."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


def _encoded(made: list[mutations.Field]) -> str:
    return "&".join("=".join(quote_plus(each.encode("utf-8", "surrogatepass")) for each in pair) for pair in made)


def _place(error: Exception) -> str:
    """Return where an error comes from: one line for each place, however many requests lead there."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "/tests/" not in each.filename and ".venv" not in each.filename]
    inner, place = frames[-1], (ours or frames)[-1]
    return f"{type(error).__name__} at {place.filename}:{place.lineno} ({inner.name}): {str(error)[:120]!r}"


def _told(request: Request) -> str:
    body = request.body if len(request.body) < 1_500 else request.body[:1_500] + b"..."
    return f"{request.method} {request.path[:500]!r} {request.content_type[:100]!r} {request.headers!r:.600} {body!r}"


@contextmanager
def as_served() -> Iterator[None]:
    """Let no name be resolved, so that nothing is sent anywhere; and make requests as the WSGI application does.

    Everybody may sign up, so that strangers have forms to send.
    """
    with (
        warnings.catch_warnings(),
        override_settings(SIGNUP="open", EMAIL_URL="smtp://mail.invalid"),
        mock.patch("socket.getaddrinfo", side_effect=socket.gaierror("nothing leaves a test")),
        mock.patch("django.test.client.WSGIRequest", Utf8Request),
    ):
        # A date at the edge of time in a filter of the Django admin: it says so, and no more happens.
        warnings.filterwarnings("ignore", "DateTimeField .* received a naive datetime", RuntimeWarning)
        yield
