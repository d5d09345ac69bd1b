"""The one client for all requests that we send ourselves, at addresses that other people have entered.

A name is resolved once; every address of it must be global unicast; the connection goes to the address that was
checked, so a name cannot change its mind in between. No proxy of the environment is used, no redirect is followed, the
answer is cut at a size, and the whole exchange, resolving included, ends at a deadline however slowly the other side
drips.

Hosts of the operator's own network stand in the setting OUTGOING_PRIVATE_HOSTS: those may be inner addresses and http.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import requests
import urllib3
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from pulseops.core.outbound.ip_rules import Address, is_global_unicast, is_own_network, resolve

TIMEOUT = 10.0  # seconds, from resolving to the last byte
MAX_BYTES = 64 * 1024  # of an answer; more is cut
_USER_AGENT = "PulseOps"


class RefusedError(Exception):
    """We do not send there, now or later; the text says why and is fit to be shown."""


class UnreachableError(Exception):
    """There was no answer this time; the text says why and is fit to be shown."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an address leads: `host` lower-cased, without brackets."""

    scheme: str
    host: str
    port: int

    def is_in(self, hosts: Iterable[str]) -> bool:
        """Return whether one of `hosts` ("name" or "name:port") is this one."""
        return bool({self.host, f"{self.host}:{self.port}"} & {host.lower() for host in hosts})

    @property
    def is_private(self) -> bool:
        """Whether the operator has named it as a host of their own network."""
        return self.is_in(settings.OUTGOING_PRIVATE_HOSTS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are lower-case, `body` is at most what was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def parse_target(url: str) -> Target:
    """Return where `url` leads; raises RefusedError unless it is https (http on private hosts) without credentials."""
    try:
        parsed = parse_url(url)
    except urllib3.exceptions.LocationParseError:
        raise RefusedError("This is not a web address.") from None
    host = (parsed.host or "").strip("[]").rstrip(".").lower()
    if not host or parsed.scheme not in {"http", "https"}:
        raise RefusedError("This is not a web address that starts with https://.")
    if parsed.auth:
        raise RefusedError("The address must not hold a user name or password.")
    target = Target(parsed.scheme, host, parsed.port or (443 if parsed.scheme == "https" else 80))
    if target.scheme != "https" and not target.is_private:
        raise RefusedError("The address must start with https://.")
    return target


def post_json(url: str, payload: Any, *, headers: Mapping[str, str] | None = None, timeout: float = TIMEOUT) -> Answer:
    """POST `payload` as JSON; whatever status comes back is an Answer.

    Raises RefusedError when the address is not one that we send to, UnreachableError when nothing readable came back
    within `timeout` seconds.
    """
    body = json.dumps(payload, ensure_ascii=False).encode()
    return exchange("POST", url, body, {"Content-Type": "application/json", **(headers or {})}, timeout)


def exchange(method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float = TIMEOUT) -> Answer:
    """Send any request; returns and raises as `post_json` does."""
    ours = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
    parse_target(url)
    try:
        request = requests.Request(method, url, data=body, headers={**ours, **headers}).prepare()
    except requests.RequestException:
        raise RefusedError("This is not a web address.") from None
    target = parse_target(request.url or "")
    with _exchange_under(target, timeout) as call:
        verify = settings.OUTGOING_CA_BUNDLE or True
        response = _adapter.send(request, stream=True, timeout=timeout, verify=verify)
        with contextlib.closing(response):
            return Answer(
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                call.read(response),
            )


class _Call:
    """One exchange: its deadline, and a second handle on its socket by which the deadline ends it."""

    def __init__(self, target: Target, timeout: float) -> None:
        self.target = target
        self.deadline = time.monotonic() + timeout
        self.handle: socket.socket | None = None
        self.timer: threading.Timer | None = None
        self.is_late = False

    @property
    def remaining(self) -> float:
        return max(0.05, self.deadline - time.monotonic())

    def connect(self) -> socket.socket:
        """Resolve, check every address, connect to the first that answers."""
        addresses = resolve(self.target.host, self.target.port, self.remaining)
        self._check(addresses)
        errors: list[OSError] = []
        for address in addresses[:4]:
            try:
                return self._arm(socket.create_connection((str(address), self.target.port), self.remaining))
            except OSError as error:
                errors.append(error)
        raise errors[0] if errors else OSError("no address")

    def _check(self, addresses: list[Address]) -> None:
        allowed = is_own_network if self.target.is_private else is_global_unicast
        for address in addresses:
            if not allowed(address):
                raise RefusedError(f"{self.target.host} leads to {address}, which is not a public address.")

    def _arm(self, sock: socket.socket) -> socket.socket:
        # The timeouts of a socket count between bytes; only a timer ends a peer that sends one byte at a time.
        self.handle = sock.dup()
        self.timer = threading.Timer(self.remaining, self._stop)
        self.timer.daemon = True
        self.timer.start()
        return sock

    def _stop(self) -> None:
        self.is_late = True
        if self.handle:
            with contextlib.suppress(OSError):
                self.handle.shutdown(socket.SHUT_RDWR)

    def read(self, response: requests.Response) -> bytes:
        """Read at most MAX_BYTES of the body; what is cut off by the deadline is enough of an answer."""
        parts, size = [], 0
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
            while size < MAX_BYTES and (part := response.raw.read1(MAX_BYTES - size, decode_content=False)):
                parts.append(part)
                size += len(part)
        return b"".join(parts)

    def close(self) -> None:
        if self.timer:
            self.timer.cancel()
        if self.handle:
            self.handle.close()


_local = threading.local()


@contextlib.contextmanager
def _exchange_under(target: Target, timeout: float) -> Iterator[_Call]:
    call = _local.call = _Call(target, timeout)
    try:
        yield call
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise UnreachableError(_reason(call, error, timeout)) from error
    finally:
        _local.call = None
        call.close()


def _reason(call: _Call, error: Exception, timeout: float) -> str:
    """Say in words what went wrong; the error's own text may hold the secret address and is not used."""
    chain = list(_causes(error))
    host = call.target.host
    late = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    if call.is_late or any(isinstance(each, late) for each in chain):
        return f"{host} did not answer within {timeout:g} seconds."
    if any(isinstance(each, socket.gaierror) for each in chain):
        return f"{host} could not be resolved."
    if any(isinstance(each, requests.exceptions.SSLError) for each in chain):
        return f"The certificate of {host} was not accepted."
    if any(isinstance(each, ConnectionRefusedError) for each in chain):
        return f"{host} refused the connection."
    return f"{host} ended the connection or answered something that is not HTTP."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _local.call.connect()


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        certificates = self.ca_certs
        if certificates:  # to read them anew for each connection takes longer than all the rest of an exchange
            self.ssl_context, self.ca_certs = _trusting(certificates, os.stat(certificates).st_mtime_ns), None
        try:
            super().connect()
        finally:
            self.ca_certs = certificates  # the pool connects this object again

    def _new_conn(self) -> socket.socket:
        return _local.call.connect()


@lru_cache(maxsize=2)
def _trusting(certificates: str, changed_ns: int) -> ssl.SSLContext:
    """Return what verifies servers by a file of certificates, which last changed then; threads share it."""
    context = create_urllib3_context()
    context.load_verify_locations(certificates)
    return context


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _GuardedAdapter(HTTPAdapter):
    """requests' adapter, asked directly: a requests Session would read proxies and credentials from the environment."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


_adapter = _GuardedAdapter(max_retries=0)
