"""Undoes a body's encoding while it arrives, in parts of bounded size."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from pulseops.core.web.json_errors import ApiError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PART_BYTES = 256 * 1024
_WINDOW_LOG = 23  # 8 MiB, as RFC 8878 asks every decoder to take
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Unpacker(Protocol):
    """Takes what arrives, gives what it says."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...


def unpacker_for(encoding: str) -> Unpacker:
    """Return what undoes a Content-Encoding. Raises ApiError 415 for one that cannot be undone piece by piece."""
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip" | "deflate":
            return _Packed(lambda: zlib.decompressobj(_GZIP_OR_ZLIB), zlib.error)
        case "zstd":
            options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
            return _Packed(lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError)
    raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send this as it is, or with Content-Encoding: zstd or gzip.")


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Packed:
    def __init__(self, make: Any, error: type[Exception]) -> None:
        self._make, self._error = make, error
        self._member: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack, one member or frame after the other. Raises ApiError 400 for what is not packed so."""
        while data:
            self._member = self._member or self._make()
            try:
                part = self._member.decompress(data, _PART_BYTES)
                while part:
                    yield part
                    data = getattr(self._member, "unconsumed_tail", b"")
                    part = self._member.decompress(data, _PART_BYTES) if data or _holds_more(self._member) else b""
            except self._error as error:
                raise ApiError("BAD_REQUEST", "The body cannot be unpacked.") from error
            data = self._member.unused_data if self._member.eof else b""
            if self._member.eof:
                self._member = None


def _holds_more(member: Any) -> bool:
    return not member.eof and not getattr(member, "needs_input", True)
