"""The body of a request in a protocol that is not ours: unpacked by what it is, not by what its header says.

Clients name encodings carelessly: graypy sends zlib as `gzip,deflate`, older Collectors framed snappy as `snappy`, and
a proxy may have unpacked a body and left the header. So a body with magic bytes is unpacked by these, and by its name
only where there are none. Everything is bounded before it is done: nothing makes more than INGEST_FOREIGN_MAX_BYTES.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator

import cramjam
from django.conf import settings
from django.http import HttpRequest

from logs.ingest.body import read_bytes
from logs.ingest.large_bodies import large_bodies
from pulseops.core.web.json_errors import ApiError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_LZ4_MAGIC = b"\x04\x22\x4d\x18"
_SNAPPY_MAGIC = b"\xff\x06\x00\x00sNaPpY"
_SNAPPY_CHUNK = 65_536  # bytes, unpacked; the format allows no more
_STEP, _CHUNK = 1024 * 1024, 64 * 1024  # bytes that are unpacked at once, and of what
_MOST_PARTS = 10_000
_WINDOW_LOG = 23  # 8 MiB of window, as RFC 8878 asks every decoder to take
_MOST_LAYERS = 2
_FULL = "failed to write whole buffer"  # as the library says that there was no more room
Unpack = Callable[[bytes, int], bytes | None]


class _BrokenError(Exception):
    """A body is not what it seems to be."""


UNPACKING_ERRORS = (_BrokenError, ValueError, EOFError, zlib.error, zstd.ZstdError, cramjam.DecompressionError)


def read_foreign_body(request: HttpRequest) -> bytes:
    """Read a request's body and unpack it.

    Raises ApiError: 413 above INGEST_FOREIGN_MAX_BYTES (packed or unpacked), 400 when it does not arrive whole or
    cannot be unpacked, 415 for an encoding that no one here knows.
    """
    body = read_bytes(request, settings.INGEST_FOREIGN_MAX_BYTES)
    large_bodies.claim(len(body))
    return unpacked(body, request.META.get("HTTP_CONTENT_ENCODING", ""))


def unpacked(body: bytes, encodings: str) -> bytes:
    """Undo a body's encodings (the value of Content-Encoding). Raises ApiError as `read_foreign_body`."""
    limit = settings.INGEST_FOREIGN_MAX_BYTES
    names = [name for each in encodings.lower().split(",") if (name := each.strip())]
    for name in reversed(names[-_MOST_LAYERS:]):
        if not body:
            break
        unpack = unpacker_of(body) or _BY_NAME.get(name)
        if unpack is None:
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", f"Content-Encoding {name[:40]} is not known here; gzip is.")
        content = _run(unpack, body, limit, name)
        if content is None:
            raise too_large(limit)
        if content is body:
            break
        body = content
    return body


def too_large(limit: int) -> ApiError:
    """Make the 413."""
    return ApiError("PAYLOAD_TOO_LARGE", f"A request may have {limit} bytes, unpacked. Send smaller batches.")


_BYTES_A_VALUE = 12  # at least, on average, with its name and what is around it


def most_logs(cost: float = 1.0) -> int:
    """Return how many logs a request may have that cost so many times as much to read as Loki's or OpenTelemetry's."""
    return int(settings.INGEST_FOREIGN_MAX_LOGS / cost)


def check_count(logs: int, cost: float = 1.0) -> None:
    """Raise ApiError 413 where a request has more than `most_logs`: many small ones cost more than a few large ones."""
    if logs > most_logs(cost):
        raise ApiError("PAYLOAD_TOO_LARGE", f"A request may have {most_logs(cost)} logs. Send smaller batches.")


def most_parts(size: int) -> int:
    """Return how many values a body of so many bytes may have: logs have longer ones, and each becomes an object."""
    return 100_000 + size // _BYTES_A_VALUE


def check_parts(parts: int, size: int) -> None:
    """Raise ApiError 413 where a body of so many bytes has more than `most_parts`."""
    if parts > most_parts(size):
        text = f"A request may have a value for each {_BYTES_A_VALUE} of its bytes. Send smaller batches."
        raise ApiError("PAYLOAD_TOO_LARGE", text)


def check_objects(body: bytes) -> None:
    """Raise ApiError 413 for JSON with an object for each few bytes, where nothing else is decoded than objects."""
    check_parts(body.count(b"{"), len(body))


def check_punctuation(body: bytes) -> None:
    """Raise ApiError 413 for JSON that is nearly all punctuation: a decoder makes a hundred times as much of it."""
    check_parts(max(body.count(b"{"), body.count(b",")), len(body))


def unpacker_of(body: bytes) -> Unpack | None:
    """Return what unpacks a body that says by its first bytes how it is packed; None for any other."""
    if body.startswith(_GZIP_MAGIC):
        return _gunzip
    if body.startswith(_ZSTD_MAGIC):
        return _unzstd
    if body.startswith(_SNAPPY_MAGIC):
        return _unsnap_frames
    if body.startswith(_LZ4_MAGIC):
        return _unlz4
    return _inflate if _is_zlib(body) else None


def unsnap(body: bytes, limit: int) -> bytes | None:
    """Unpack a snappy block, which says in front how long it will be; None if that is above `limit`.

    Raises ValueError for what is not such a block.
    """
    try:
        if cramjam.snappy.decompress_raw_len(body) > limit:
            return None
        large_bodies.claim(cramjam.snappy.decompress_raw_len(body))
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise ValueError("is not a snappy block") from error


def _run(unpack: Unpack, body: bytes, limit: int, name: str) -> bytes | None:
    try:
        return unpack(body, limit)
    except UNPACKING_ERRORS as error:
        raise ApiError("BAD_REQUEST", f"The body cannot be unpacked (Content-Encoding: {name[:40]}).") from error


def _is_zlib(body: bytes) -> bool:
    """Whether a body begins as RFC 1950 says: the method deflate, and a header that 31 divides."""
    return len(body) > 1 and body[0] & 0x8F == 8 and (body[0] << 8 | body[1]) % 31 == 0


class _Parts:
    """What is unpacked of a body so far. Their number is bounded too: a body of empty parts is never too large."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.parts: list[bytes] = []

    def add(self, part: bytes) -> bool:
        """Take a part; returns False as soon as the whole is above the limit."""
        self.size += len(part)
        self.parts.append(part)
        if len(self.parts) > _MOST_PARTS:
            raise _BrokenError
        large_bodies.claim(self.size)
        return self.size <= self.limit

    def join(self) -> bytes:
        """Return the whole."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


def _chunks(body: bytes) -> Iterator[bytes]:
    """Cut a body into pieces, for what is left over of one is copied again and again."""
    return (body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK))


def _inflate_by(wbits: int) -> Unpack:
    def inflate(body: bytes, limit: int) -> bytes | None:
        """Unpack gzip's members one after the other, or the one body that the other two have."""
        parts, member = _Parts(limit), None
        for chunk in _chunks(body):
            while chunk and (member or not parts.parts or chunk.strip(b"\0")):
                member = member or zlib.decompressobj(wbits)
                if not parts.add(member.decompress(chunk, _STEP)):
                    return None
                chunk = member.unused_data if member.eof else member.unconsumed_tail
                if member.eof:
                    member = None
                    if wbits != _GZIP:
                        return parts.join()
        while member and not member.eof:
            part = member.decompress(b"", _STEP)
            if not part and not member.eof:
                raise _BrokenError  # it ends too early
            if not parts.add(part):
                return None
        return parts.join()

    return inflate


_GZIP = 16 + zlib.MAX_WBITS
_gunzip, _inflate, _inflate_raw = _inflate_by(_GZIP), _inflate_by(zlib.MAX_WBITS), _inflate_by(-zlib.MAX_WBITS)


def _unzstd(body: bytes, limit: int) -> bytes | None:
    """Unpack frames one after the other."""
    parts, frame = _Parts(limit), None
    for chunk in _chunks(body):
        while chunk or (frame and not frame.needs_input):
            frame = frame or zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
            if not parts.add(frame.decompress(chunk, _STEP)):
                return None
            chunk = frame.unused_data if frame.eof else b""
            if frame.eof:
                frame = None
    if frame:
        raise _BrokenError  # it ends too early
    return parts.join()


def _unlz4(body: bytes, limit: int) -> bytes | None:
    """Unpack frames of LZ4, which need not say how long they will be: into room that grows until they fit."""
    room = min(limit, max(_STEP, 4 * len(body)))
    while (content := _unlz4_into(bytearray(room), body)) is None and room < limit:
        large_bodies.claim(room)
        room = min(limit, 4 * room)
    return content


def _unlz4_into(room: bytearray, body: bytes) -> bytes | None:
    try:
        size = cramjam.lz4.decompress_into(body, room)
    except cramjam.DecompressionError as error:
        if _FULL in str(error):
            return None
        raise
    large_bodies.claim(size)
    return bytes(memoryview(room)[:size])


def _unsnap_frames(body: bytes, limit: int) -> bytes | None:
    """Unpack framed snappy: chunks of a type, a length of three bytes, and (for data) a checksum of four."""
    parts, at = _Parts(limit), 0
    while at < len(body):
        kind, length = body[at], int.from_bytes(body[at + 1 : at + 4], "little")
        chunk = body[at + 4 : at + 4 + length]
        if len(chunk) < length:
            raise _BrokenError
        if not parts.add(_snappy_chunk(kind, chunk)):
            return None
        at += 4 + length
    return parts.join()


def _snappy_chunk(kind: int, chunk: bytes) -> bytes:
    match kind:
        case 0:
            if (content := unsnap(chunk[4:], _SNAPPY_CHUNK)) is None:
                raise _BrokenError
            return content
        case 1:
            return chunk[4:]
        case 0xFF | 0xFE:
            return b""
    if kind < 0x80:
        raise _BrokenError  # reserved, and not to be skipped
    return b""


def _unsnap_or_plain(body: bytes, limit: int) -> bytes | None:
    try:
        return unsnap(body, limit)
    except ValueError:
        return body  # a proxy has unpacked it; what it is no protocol of, the reader says


def _deflate(body: bytes, limit: int) -> bytes | None:
    try:
        return _inflate_raw(body, limit)
    except (_BrokenError, zlib.error):
        return body


def _as_it_is(body: bytes, limit: int) -> bytes | None:
    return body


_BY_NAME: dict[str, Unpack] = {
    **dict.fromkeys(
        ("gzip", "x-gzip", "zlib", "zstd", "identity", "lz4", "utf-8", "amz-1.0", "x-snappy-framed"), _as_it_is
    ),
    "deflate": _deflate,
    "snappy": _unsnap_or_plain,
}
