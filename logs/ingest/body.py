"""The bytes of a request: read whole, in bounded time and memory, and unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest

from pulseops.core.web.json_errors import ApiError

_CHUNK = 64 * 1024  # bytes
_DRAINED = 32 * 1024 * 1024  # bytes of a refused body that are read, so that its sender reads the answer
_GZIP = 16 + zlib.MAX_WBITS
_MAX_MEMBERS = 10_000  # of a gzip body; senders have one, or one for each log
_PIECE = 1024  # bytes that are unpacked at a time: what is left of them is copied for each member that ends in them

JSON, NDJSON, EITHER = "json", "ndjson", "either"
# The type that curl and urllib give any body unless told otherwise is taken for «not given».
_KINDS = {
    "": EITHER,
    "application/json": JSON,
    "application/x-www-form-urlencoded": EITHER,
    "text/json": JSON,
    "application/x-ndjson": NDJSON,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    "application/x-jsonlines": NDJSON,
}


class Reader(Protocol):
    """What a body is read from."""

    def read(self, size: int = -1, /) -> bytes: ...


def body_kind(request: HttpRequest) -> str:
    """Return JSON or NDJSON by the Content-Type, EITHER if there is none. Raises ApiError 415 for another one.

    Scripts of web pages send text/plain, which they may without asking first.
    """
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    kind = _KINDS.get(media_type)
    if kind is None and media_type.startswith("application/") and media_type.endswith("+json"):
        kind = JSON
    if kind is None and media_type == "text/plain" and "HTTP_ORIGIN" in request.META:
        kind = EITHER
    if kind is None:
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send application/json or application/x-ndjson.")
    return kind


def read_body(request: HttpRequest) -> bytes:
    """Read the request's body and undo its gzip.

    Raises ApiError: 415 for another encoding, 413 above INGEST_MAX_BYTES (decoded), 400 when it did not arrive whole
    (the server decides for how long it waits) or is not gzip.
    """
    unpacker = _unpacker(request.META.get("HTTP_CONTENT_ENCODING", ""))
    _receive(request, unpacker, _most_bytes_sent())
    return unpacker.finish()


def read_bytes(request: HttpRequest, limit: int) -> bytes:
    """Read the request's body as it is. Raises ApiError: 413 above `limit` bytes, 400 when it does not arrive whole."""
    collected = _Plain(limit)
    _receive(request, collected, limit)
    return collected.finish()


def _receive(request: HttpRequest, unpacker: _Plain, most_bytes: int) -> None:
    length = _declared_length(request)
    received = 0
    for chunk in _chunks(_reader(request)):
        received += len(chunk)
        if received > most_bytes or not unpacker.add(chunk):
            _drain(request)
            raise ApiError("PAYLOAD_TOO_LARGE", f"A batch may have {unpacker.limit} bytes, unpacked.")
    if length is not None and received < length:
        raise _incomplete()


class _Plain:
    """Collects a body that is sent as it is."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.parts: list[bytes] = []

    def add(self, chunk: bytes) -> bool:
        """Take a part of the body; returns False as soon as the whole is above the limit."""
        self.size += len(chunk)
        self.parts.append(chunk)
        return self.size <= self.limit

    def finish(self) -> bytes:
        """Return the whole body. Raises ApiError 400 if it is not whole."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


class _Gunzip(_Plain):
    """Unpacks gzip (RFC 1952, any number of members) while it arrives, and stops at the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.member: Any = None
        self.members = 0

    def add(self, chunk: bytes) -> bool:
        return all(self._add_piece(chunk[start : start + _PIECE]) for start in range(0, len(chunk), _PIECE))

    def _add_piece(self, chunk: bytes) -> bool:
        while chunk:
            if self.member is None:
                if not chunk.strip(b"\0"):
                    return True  # padding behind the last member
                self._begin_member()
            if not super().add(self._unpack(chunk)):
                return False
            chunk = self.member.unused_data if self.member.eof else self.member.unconsumed_tail
            if self.member.eof:
                self.member = None
        return True

    def _begin_member(self) -> None:
        self.members += 1
        if self.members > _MAX_MEMBERS:
            raise ApiError("BAD_REQUEST", f"The gzip body has more than {_MAX_MEMBERS:,} members.")
        self.member = zlib.decompressobj(_GZIP)

    def _unpack(self, chunk: bytes) -> bytes:
        try:
            unpacked: bytes = self.member.decompress(chunk, self.limit - self.size + 1)
        except zlib.error as error:
            raise ApiError("BAD_REQUEST", "The body is not valid gzip.") from error
        return unpacked

    def finish(self) -> bytes:
        if self.member is not None or not self.parts:
            raise ApiError("BAD_REQUEST", "The gzip body ends too early.")
        return super().finish()


def _unpacker(encoding: str) -> _Plain:
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain(settings.INGEST_MAX_BYTES)
        case "gzip" | "x-gzip":
            return _Gunzip(settings.INGEST_MAX_BYTES)
    raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send the body as it is or with Content-Encoding: gzip.")


def _most_bytes_sent() -> int:
    """The limit, and what gzip adds to bytes that cannot be packed."""
    return int(settings.INGEST_MAX_BYTES * 1.001) + 1024


def _declared_length(request: HttpRequest) -> int | None:
    try:
        return int(request.META.get("CONTENT_LENGTH") or "")
    except ValueError:
        return None


def _reader(request: HttpRequest) -> Reader:
    """A chunked body has no length, and Django would read none of it; a server that marks its end is asked itself."""
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    reader: Reader = request
    if chunked and request.META.get("wsgi.input_terminated"):
        reader = request.META["wsgi.input"]
    return reader


def _chunks(reader: Reader) -> Iterator[bytes]:
    while True:
        try:
            chunk = reader.read(_CHUNK)
        except Exception as error:  # each server has its own for a broken connection or chunk
            raise _incomplete() from error
        if not chunk:
            return
        yield chunk


def _drain(request: HttpRequest) -> None:
    drained = 0
    for chunk in _chunks(_reader(request)):
        drained += len(chunk)
        if drained > _DRAINED:
            return


def _incomplete() -> ApiError:
    return ApiError("BAD_REQUEST", "The body did not arrive whole, or not in time.")
