"""What comes by UDP, which cannot wait: what there is no room for is counted, for the owner of the port's key."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.utils import timezone

from logs.syslog.gelf import CHUNK_MAGIC, CHUNK_SECONDS, Chunks, GelfError, unpacked_document
from logs.syslog.listeners import GELF, Listener
from logs.syslog.sender_keys import credential_of, without_key
from logs.syslog.sinks import KeyRefusedError, Line, Sink, Sinks, warn_now_and_then


def datagrams_of(listener: Listener, sinks: Sinks) -> Datagrams:
    """Return what takes the datagrams of a listener."""
    return (GelfDatagrams if listener.protocol == GELF else Datagrams)(listener, sinks)


class Datagrams(asyncio.DatagramProtocol):
    """Syslog: a datagram is a message."""

    def __init__(self, listener: Listener, sinks: Sinks) -> None:
        self._listener = listener
        self._sinks = sinks

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        address = str(addr[0])
        if not self._listener.admits(address):
            warn_now_and_then("%s may not send to %s.", address, self._listener)
        elif self._listener.key and data:
            self._take(data, address)

    def _take(self, data: bytes, address: str) -> None:
        self._offer(without_key(data.rstrip(b"\r\n\0"))[0], address)

    def _offer(self, message: bytes, address: str) -> None:
        if message and (sink := self._sink(address)):
            sink.offer(Line(message, timezone.now(), self._listener.zone))

    def _sink(self, address: str) -> Sink | None:
        try:
            return self._sinks.of(credential_of(self._listener, str(self._listener.key), address))
        except KeyRefusedError:
            warn_now_and_then("Too many keys send at once (SYSLOG_KEYS); %s is not listened to.", address)
            return None


class GelfDatagrams(Datagrams):
    """GELF: a datagram is a document, packed or not, or one of its chunks."""

    def __init__(self, listener: Listener, sinks: Sinks) -> None:
        super().__init__(listener, sinks)
        self._chunks = Chunks(settings.SYSLOG_CHUNK_BYTES)
        self._timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _take(self, data: bytes, address: str) -> None:
        document: bytes | None = data
        try:
            if data.startswith(CHUNK_MAGIC):
                document = self._chunks.add(data, address, _now())
            if document is not None:
                self._offer(unpacked_document(document), address)
        except GelfError as error:
            self._refuse(str(error), data, address)
        self._forget_old_chunks()

    def _forget_old_chunks(self) -> None:
        """Count what will not be whole any more: now, and in a while, if nothing else comes."""
        for address, reason, sample in self._chunks.lost(_now()):
            self._refuse(reason, sample, address)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = (
            asyncio.get_running_loop().call_later(CHUNK_SECONDS, self._forget_old_chunks) if len(self._chunks) else None
        )

    def _refuse(self, reason: str, sample: bytes, address: str) -> None:
        if sink := self._sink(address):
            sink.refuse(reason, sample)


def _now() -> float:
    return asyncio.get_running_loop().time()
