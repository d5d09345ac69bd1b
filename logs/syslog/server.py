"""The sockets of syslog and GELF, on one event loop: all that a sender can make long, many or slow has an end."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from logs.syslog.datagrams import datagrams_of
from logs.syslog.framing import Framer, FramingError
from logs.syslog.gelf import DOCUMENT_BYTES, GelfFramer
from logs.syslog.listeners import GELF, Listener, ListenerError
from logs.syslog.sender_keys import HEAD_BYTES, credential_of, without_key
from logs.syslog.sinks import KeyRefusedError, Line, Sink, Sinks, warn_now_and_then
from pulseops.core.networks import subscriber_of

_READ_BYTES = 64 * 1024
_FIRST_SECONDS = 30.0  # for the first message of a connection that has to say its key
_HANDSHAKE_SECONDS = 10.0
_DRAIN_SECONDS = 8.0
_CLOSE_SECONDS = 1.0
_DATAGRAM_BUFFER = 4 * 1024 * 1024
_FIRST_INHERITED = 3  # sd_listen_fds(3)


class SyslogServer:
    """Listens until it is stopped."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._executor = ThreadPoolExecutor(settings.SYSLOG_WRITERS, "syslog")
        self._sinks = Sinks(self._executor, most_keys=settings.SYSLOG_KEYS, most_bytes=settings.SYSLOG_BUFFER_BYTES)
        self._peers: Counter[str] = Counter()
        self._connections: dict[asyncio.Task[Any], asyncio.StreamReader] = {}
        self.stopping = asyncio.Event()
        self.addresses: list[tuple[Listener, Any]] = []

    async def run(self) -> None:
        """Listen, until `stopping` is set; then store what has come. Raises OSError where a port cannot be had."""
        inherited = inherited_sockets()
        servers: list[Any] = []
        try:
            for listener in self._listeners:
                sock = _socket_for(listener, inherited)
                servers.append(await self._listen(listener, sock))
                self.addresses.append((listener, sock.getsockname()))
            if inherited:
                raise ListenerError("A socket was inherited that no listener of SYSLOG_LISTENERS is for.")
            await self.stopping.wait()
        finally:
            for server in servers:
                server.close()
            await self._hang_up()
            await self._sinks.drain(_DRAIN_SECONDS)
            await self._close_connections()
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def _close_connections(self) -> None:
        """Let each writer, all at the same time, close its connection to the database."""
        barrier, loop = threading.Barrier(settings.SYSLOG_WRITERS), asyncio.get_running_loop()
        closing = [
            loop.run_in_executor(self._executor, _close_connection, barrier) for _ in range(settings.SYSLOG_WRITERS)
        ]
        await asyncio.wait(closing, timeout=2 * _CLOSE_SECONDS)

    async def _hang_up(self) -> None:
        """End all connections, once what has been read of them is on its way."""
        for reader in self._connections.values():
            reader.feed_eof()
        if self._connections:
            await asyncio.wait(list(self._connections), timeout=_DRAIN_SECONDS)

    async def _listen(self, listener: Listener, sock: socket.socket) -> Any:
        loop = asyncio.get_running_loop()
        if listener.kind == "udp":
            transport, _ = await loop.create_datagram_endpoint(lambda: datagrams_of(listener, self._sinks), sock=sock)
            return transport
        secured: dict[str, Any] = {}
        if listener.kind == "tls":
            secured = {"ssl": _tls_context(), "ssl_handshake_timeout": _HANDSHAKE_SECONDS}

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(listener, reader, writer)

        return await asyncio.start_server(serve, sock=sock, limit=_READ_BYTES, **secured)

    async def _serve(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = reader
        peer = subscriber_of(address)
        self._peers[peer] += 1
        try:
            if not listener.admits(address):
                warn_now_and_then("%s may not send to %s.", address, listener)
            elif self._peers[peer] > settings.SYSLOG_CONNECTIONS_PER_ADDRESS:
                warn_now_and_then("%s has too many connections (SYSLOG_CONNECTIONS_PER_ADDRESS).", address)
            elif len(self._connections) > settings.SYSLOG_CONNECTIONS:
                warn_now_and_then("There are too many connections (SYSLOG_CONNECTIONS); %s has one more.", address)
            else:
                await _Connection(listener, address, self._sinks, reader).run()
        except (OSError, FramingError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError) as error:
            warn_now_and_then("%s broke off, or sent what is not syslog: %s", address, type(error).__name__)
        except KeyRefusedError:
            warn_now_and_then("%s sent without an API key that works; the connection is closed.", address)
        finally:
            del self._connections[task]
            self._peers[peer] -= 1
            self._peers += Counter()  # drops those that have none
            writer.close()
            with suppress(OSError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()


class _Connection:
    """One sender by TCP. It is read as fast as its messages are stored, and no faster."""

    def __init__(self, listener: Listener, address: str, sinks: Sinks, reader: asyncio.StreamReader) -> None:
        self._listener = listener
        self._address = address
        self._sinks = sinks
        self._reader = reader
        self._framer = _framer(listener)
        self._credential = credential_of(listener, listener.key, address) if listener.key else None
        self._sink: Sink | None = None

    async def run(self) -> None:
        """Read to the end. Raises OSError, FramingError, TimeoutError, KeyRefusedError."""
        first = None if self._credential else _FIRST_SECONDS
        while data := await asyncio.wait_for(self._reader.read(_READ_BYTES), first):
            for message in self._framer.feed(data):
                await self._put(message)
                first = None
        for message in self._framer.finish():
            await self._put(message)

    async def _put(self, message: bytes) -> None:
        message, key = (message, None) if self._listener.protocol == GELF else without_key(message)
        if key and (credential := credential_of(self._listener, key, self._address)) != self._credential:
            self._credential, self._sink = credential, None
        if self._credential is None:
            raise KeyRefusedError
        if self._sink is None or (self._sink.has_ended and not self._sink.is_refused):
            self._sink = self._sinks.of(self._credential)
        await self._sink.put(Line(message, timezone.now(), self._listener.zone))


def _framer(listener: Listener) -> Framer:
    if listener.protocol == GELF:
        return GelfFramer(DOCUMENT_BYTES)
    return Framer(settings.INGEST_MAX_MESSAGE_BYTES + HEAD_BYTES)


def _close_connection(barrier: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        barrier.wait(_CLOSE_SECONDS)
    connection.close()


def _socket_for(listener: Listener, inherited: list[socket.socket]) -> socket.socket:
    """Return the socket that was inherited for a listener, else a new one."""
    kind = socket.SOCK_DGRAM if listener.kind == "udp" else socket.SOCK_STREAM
    for sock in inherited:
        if sock.type == kind and sock.getsockname()[1] == listener.port:
            inherited.remove(sock)
            sock.setblocking(False)
            return sock
    sock = socket.socket(socket.AF_INET6 if ":" in listener.host else socket.AF_INET, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR if kind == socket.SOCK_STREAM else socket.SO_RCVBUF,
                        1 if kind == socket.SOCK_STREAM else _DATAGRAM_BUFFER)  # fmt: skip
        sock.setblocking(False)
        sock.bind((listener.host, listener.port))
    except OSError:
        sock.close()
        raise
    return sock


def inherited_sockets() -> list[socket.socket]:
    """Return the sockets that systemd has opened for this process (sd_listen_fds(3)), so ports below 1024 as well."""
    count = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not re.fullmatch(r"[0-9]{1,4}", count):
        return []
    return [socket.socket(fileno=_FIRST_INHERITED + number) for number in range(int(count))]


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.SYSLOG_CERTIFICATE, settings.SYSLOG_CERTIFICATE_KEY or None)
    except (OSError, ssl.SSLError) as error:
        raise ListenerError(
            "A TLS listener needs SYSLOG_CERTIFICATE and SYSLOG_CERTIFICATE_KEY, files of PEM."
        ) from error
    return context
