"""The body of a request while it arrives, for what sends without an end.

`pulseops.server` gives such requests a thread of their own, and its connection hands over the bytes as they are on the
wire. Under any other server the body is read the usual way, with that server's limits of time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Protocol

from django.http import HttpRequest

from pulseops.core.web.json_errors import ApiError
from pulseops.core.web.numbers import whole_number

_READ_BYTES = 64 * 1024
_LONGEST_LINE = 1_000  # bytes, of a chunk's size or a trailer
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,10}")


class LastingConnection(Protocol):
    """What the server gives as `gunicorn.socket`."""

    @property
    def is_lasting(self) -> bool: ...

    @property
    def is_to_make_way(self) -> bool: ...

    def recv_within(self, seconds: float) -> bytes | None: ...

    def send(self, data: bytes) -> int: ...


class BodyStream(Protocol):
    """Reads a body in parts."""

    def read(self, seconds: float) -> bytes | None:
        """Return the next part; b"" at the end, None if nothing comes within `seconds`. Raises OSError when it breaks
        off."""

    @property
    def is_to_make_way(self) -> bool:
        """Whether others wait for this request to end."""


def body_stream(request: HttpRequest) -> BodyStream:
    """Return the request's body to be read in parts. Raises ApiError 400 where its length is not a number."""
    connection: Any = request.META.get("gunicorn.socket")
    if getattr(connection, "is_lasting", False):
        return _Lasting(connection, request.META)
    return _Usual(request)


class _Usual:
    """A body that the server bounds."""

    is_to_make_way = False

    def __init__(self, request: HttpRequest) -> None:
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        is_marked = chunked and request.META.get("wsgi.input_terminated")
        self._reader: Any = request.META["wsgi.input"] if is_marked else request

    def read(self, seconds: float) -> bytes | None:
        try:
            part: bytes = self._reader.read(_READ_BYTES)
        except Exception as error:  # each server has its own
            raise ConnectionError("The body did not arrive whole.") from error
        return part


class _Lasting:
    """A body as our own server hands it over: in chunks (RFC 9112, 7.1) or of a length."""

    def __init__(self, connection: LastingConnection, meta: Mapping[str, Any]) -> None:
        self._connection = connection
        self._is_chunked = "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower()
        self._chunks = Dechunker()
        self._is_asked_for = meta.get("HTTP_EXPECT", "").lower() != "100-continue"
        length = whole_number(meta.get("CONTENT_LENGTH") or "0")
        if length is None:
            raise ApiError("BAD_REQUEST", "Content-Length is not a number.")
        self._left = length

    @property
    def is_to_make_way(self) -> bool:
        return self._connection.is_to_make_way

    def read(self, seconds: float) -> bytes | None:
        if not self._is_asked_for:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._is_asked_for = True
        until = time.monotonic() + seconds
        while not (self._chunks.has_ended if self._is_chunked else not self._left):
            received = self._connection.recv_within(max(0.0, until - time.monotonic()))
            if received is None:
                return None
            if part := self._part(received):
                return part
        return b""

    def _part(self, received: bytes) -> bytes:
        if self._is_chunked:
            return self._chunks.feed(received)
        part = received[: self._left]
        self._left -= len(part)
        return part


class Dechunker:
    """Undoes chunked transfer coding, whatever pieces it comes in."""

    def __init__(self) -> None:
        self.has_ended = False
        self._line = b""  # of which the end has not arrived
        self._left = 0  # bytes of the current chunk, with the line end behind it
        self._is_last = False

    def feed(self, data: bytes) -> bytes:
        """Take what has arrived; returns what the body has of it. Raises ConnectionError for what is not a chunk."""
        parts, at = [], 0
        while at < len(data) and not self.has_ended:
            if self._left:
                content = data[at : at + self._left]
                parts.append(content[: max(0, self._left - 2)])
                self._left -= len(content)
                at += len(content)
                continue
            end = data.find(b"\n", at)
            self._line += data[at : end + 1 if end >= 0 else len(data)]
            at = end + 1 if end >= 0 else len(data)
            if len(self._line) > _LONGEST_LINE:
                raise ConnectionError("A line of a chunked body is too long.")
            if end >= 0:
                self._take_line()
        return b"".join(parts)

    def _take_line(self) -> None:
        line, self._line = self._line.strip(), b""
        if self._is_last:
            self.has_ended = not line  # trailers end with an empty line
            return
        size = _SIZE.fullmatch(line.partition(b";")[0].strip())
        if size is None:
            raise ConnectionError("A chunk has no size.")
        self._is_last = not int(size[0], 16)
        self._left = 0 if self._is_last else int(size[0], 16) + 2
