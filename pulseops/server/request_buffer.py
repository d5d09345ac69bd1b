"""What a client has sent and no one has read yet, and whether a whole request is among it.

Only the end of a request is looked for, so that no thread has to wait for it. What stands in it is judged by gunicorn's
parser, which is given this one request and nothing behind it.
"""

from __future__ import annotations

from enum import Enum

from pulseops.server.options import HEAD_LINE_BYTES, WEB_BUFFERED_BODY_BYTES

_HEAD_BYTES = 3 * HEAD_LINE_BYTES
_CHUNKS = 20_000  # of one request; each costs as much as a kilobyte
_CHUNK_LINE_BYTES = 1_000
LASTING = (b"POST /journald/upload ", b"POST /upload ")  # requests whose body may have no end


class Progress(Enum):
    """How far the current request has arrived."""

    HEAD = "its head is incomplete"
    BODY = "its head is complete, its body is not"
    WHOLE = "complete, or nothing that more bytes would make one"
    STREAMED = "its head is complete, and its body is to be read as it arrives"
    TOO_LARGE = "its head has too many bytes"


class RequestBuffer:
    """The bytes of a connection from the beginning of the current request."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._end = 0  # of the current request, once it is known
        self.forget()

    def forget(self) -> None:
        """Make what stands behind the current request the beginning of the next one."""
        del self._data[: self._end]
        self.head = b""
        self.progress = Progress.HEAD
        self._end = 0
        self._read = 0  # how much of it was taken
        self._searched = 0
        self._chunks = 0
        if self._data:
            self._look()

    def __len__(self) -> int:
        return len(self._data)

    def add(self, data: bytes) -> None:
        """Add what has arrived."""
        self._data += data
        self._look()

    def take(self, size: int) -> bytes:
        """Take what comes next of the current request: its head alone, or up to `size` bytes of its body."""
        if self._read < len(self.head):
            self._read = len(self.head)
            return self.head
        end = max(self._read, min(self._read + size, self._end))
        with memoryview(self._data) as view:
            taken = bytes(view[self._read : end])
        self._read = end
        return taken

    def stream(self) -> None:
        """Let the body be read as it arrives, from what is there of it."""
        self.progress = Progress.STREAMED
        self._end = len(self._data)

    def _look(self) -> None:
        if self.progress is Progress.HEAD:
            self._look_for_head()
        elif self.progress is Progress.BODY:
            self._look_for_end()
        elif self.progress is Progress.STREAMED:
            self._end = len(self._data)

    def _look_for_head(self) -> None:
        start = self._data.find(b"\r\n\r\n", max(0, self._searched - 3))
        if start < 0:
            self._judge_beginning()
            return
        self.head = bytes(self._data[: start + 4])
        if self.head.find(b"\r\n") > HEAD_LINE_BYTES or len(self.head) > _HEAD_BYTES:
            self.progress = Progress.TOO_LARGE
            return
        self._begin_body()

    def _judge_beginning(self) -> None:
        """Refuse a head that is too long; one with lines that end otherwise never ends, and gunicorn says so."""
        fresh = self._data[max(0, self._searched - 1) :]
        if fresh.count(b"\n", 1) > fresh.count(b"\r\n") or (fresh[:1] == b"\n" and not self._searched):
            self.head = bytes(self._data)
            self._finish(len(self._data))
        elif len(self._data) > (_HEAD_BYTES if b"\r\n" in self._data else HEAD_LINE_BYTES):
            self.progress = Progress.TOO_LARGE
        self._searched = len(self._data)

    def _begin_body(self) -> None:
        headers = self.head.lower()
        begin = len(self.head)
        self._is_chunked = b"chunked" in (header_value(headers, b"transfer-encoding") or b"")
        length = header_value(headers, b"content-length") or b"0"
        self._length = int(length) if length.isdigit() and len(length) < 20 else 0
        self._at = begin if self._is_chunked else begin + self._length
        self.progress = Progress.BODY
        is_lasting = self.head.startswith(LASTING)
        if is_lasting or self._length > WEB_BUFFERED_BODY_BYTES or header_value(headers, b"expect"):
            self.stream()
        else:
            self._look_for_end()

    def _look_for_end(self) -> None:
        if self._is_chunked:
            self._walk_chunks()
        elif self._at <= len(self._data):
            self._finish(self._at)

    def _finish(self, end: int) -> None:
        self.progress, self._end = Progress.WHOLE, end

    def _walk_chunks(self) -> None:
        """Go from chunk to chunk (RFC 9112 7.1); `_at` is where the next one's size begins."""
        while self._at <= len(self._data):
            if self._at - len(self.head) > WEB_BUFFERED_BODY_BYTES:
                self.stream()
                return
            line_end = self._data.find(b"\r\n", self._at, self._at + _CHUNK_LINE_BYTES)
            if line_end < 0:
                if len(self._data) - self._at >= _CHUNK_LINE_BYTES:
                    self._finish(len(self._data))
                return
            size = _chunk_size(bytes(self._data[self._at : line_end]))
            self._chunks += 1
            if size is None or self._chunks > _CHUNKS:
                self._finish(len(self._data))
                return
            if size == 0:
                self._look_for_trailers(line_end)
                return
            self._at = line_end + 2 + size + 2

    def _look_for_trailers(self, begin: int) -> None:
        end = self._data.find(b"\r\n\r\n", begin)
        if end >= 0:
            self._finish(end + 4)
        elif len(self._data) - begin > HEAD_LINE_BYTES:
            self._finish(len(self._data))


def header_value(headers: bytes, name: bytes) -> bytes | None:
    """Return the value of a header in a head of lower-case letters."""
    start = headers.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    return headers[start : headers.index(b"\r\n", start)].strip()


def _chunk_size(line: bytes) -> int | None:
    digits = line.partition(b";")[0].strip()
    try:
        size = int(digits, 16)
    except ValueError:
        return None
    return size if 0 <= size < 2**40 else None
