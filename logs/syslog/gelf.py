"""GELF by UDP and TCP: chunks are put together, packed datagrams unpacked, a stream is cut where its documents end.

Source: Graylog, "GELF via UDP" (chunks, compression) and "GELF via TCP" (documents end with NUL).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from logs.ingest.foreign_body import UNPACKING_ERRORS, unpacker_of
from logs.ingest.json_text import decode_fields
from logs.syslog.framing import ENDS, Framer

CHUNK_MAGIC = b"\x1e\x0f"
CHUNK_SECONDS = 5.0  # after its first chunk a document is whole, or lost
DOCUMENT_BYTES = 1024 * 1024  # unpacked; 128 chunks of 8,192 bytes, Graylog's largest, are as many
_HEAD_BYTES = 12  # of a chunk: the magic bytes, eight of the document, its number, and how many there are
_MOST_CHUNKS = 128
_CHUNK_COST = 256  # bytes that a chunk takes beside its own, so that empty ones are not free
_NUL = re.compile(rb"\0")
BROKEN_CHUNK = "a broken chunk of GELF"
INCOMPLETE = "GELF of which not all chunks came within 5 seconds"
CROWDED_OUT = "GELF whose chunks had no room (SYSLOG_CHUNK_BYTES)"
NOT_UNPACKED = "GELF that could not be unpacked"
TOO_LARGE = "GELF of more than 1 MiB"


class GelfError(ValueError):
    """A datagram is not stored; the text says why, as the end of a sentence."""


@dataclass(slots=True)
class _Document:
    """Chunks of a document, by their numbers."""

    count: int
    until: float
    chunks: dict[int, bytes] = field(default_factory=dict)
    cost: int = 0

    def first(self) -> bytes:
        """What there is of it, for the one who is told that it is lost."""
        return self.chunks[min(self.chunks)] if self.chunks else b""


class Chunks:
    """Documents of which some chunks have come. Together they take `most_bytes`; then the oldest make room."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._documents: dict[tuple[str, bytes], _Document] = {}  # the oldest first
        self._lost: list[tuple[str, str, bytes]] = []

    def __len__(self) -> int:
        return len(self._documents)

    def add(self, datagram: bytes, address: str, now: float) -> bytes | None:
        """Take a chunk, at a time in seconds; returns its document if that is whole now. Raises GelfError."""
        if len(datagram) < _HEAD_BYTES:
            raise GelfError(BROKEN_CHUNK)
        number, count = datagram[10], datagram[11]
        place = address, datagram[2:10]
        document = self._documents.get(place) or _Document(count, now + CHUNK_SECONDS)
        if not number < count <= _MOST_CHUNKS or document.count != count:
            raise GelfError(BROKEN_CHUNK)
        if count == 1:
            return datagram[_HEAD_BYTES:]
        self._documents[place] = document
        if number not in document.chunks:
            self._keep(document, number, datagram[_HEAD_BYTES:])
        if len(document.chunks) == count:
            self._remove(place)
            return b"".join(document.chunks[each] for each in range(count))
        self._make_room()
        return None

    def lost(self, now: float) -> list[tuple[str, str, bytes]]:
        """Forget what is not whole in time; returns address, reason and a sample of all that was lost since."""
        while self._documents:
            place, document = next(iter(self._documents.items()))
            if document.until > now:
                break
            self._lose(place, INCOMPLETE)
        lost, self._lost = self._lost, []
        return lost

    def _keep(self, document: _Document, number: int, content: bytes) -> None:
        document.chunks[number] = content
        document.cost += len(content) + _CHUNK_COST
        self._bytes += len(content) + _CHUNK_COST

    def _make_room(self) -> None:
        while self._bytes > self._most_bytes:
            self._lose(next(iter(self._documents)), CROWDED_OUT)

    def _lose(self, place: tuple[str, bytes], reason: str) -> None:
        document = self._remove(place)
        self._lost.append((place[0], reason, document.first()))

    def _remove(self, place: tuple[str, bytes]) -> _Document:
        document = self._documents.pop(place)
        self._bytes -= document.cost
        return document


def unpacked_document(document: bytes) -> bytes:
    """Undo gzip or zlib, as its first bytes say. Raises GelfError."""
    unpack = unpacker_of(document)
    try:
        content = unpack(document, DOCUMENT_BYTES) if unpack else document
    except UNPACKING_ERRORS as error:
        raise GelfError(NOT_UNPACKED) from error
    if content is None or len(content) > DOCUMENT_BYTES:
        raise GelfError(TOO_LARGE)
    return content


class GelfFramer(Framer):
    """Cuts a stream at NUL; where a line comes before one and is a document, at the ends of lines as well."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._is_counted = False
        self._ends = _NUL
        self._is_decided = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived; returns the documents that are whole."""
        if not self._is_decided and (match := ENDS.search(data)):
            self._is_decided = True
            if match[0] == b"\n" and decode_fields(bytes(self._data) + data[: match.start()]) is not None:
                self._ends = ENDS
        return super().feed(data)
