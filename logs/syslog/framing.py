"""Messages of a stream of syslog: by octet counting or by line ends, as a connection's first byte says (RFC 6587).

A message that is too long is cut, and read on to its end, so the next one begins where it should.
"""

from __future__ import annotations

import re

_LENGTH = re.compile(rb"([1-9][0-9]{0,8}) ")
_DIGITS = re.compile(rb"[0-9]+")
_LONGEST_LENGTH = 10  # characters of a length and its space
_BETWEEN = b"\r\n\0 "  # what some senders put after a counted message
ENDS = re.compile(rb"[\n\0]")


class FramingError(ValueError):
    """What arrives is neither counted nor ended by lines."""


class Framer:
    """Cuts what arrives into messages of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self._is_counted: bool | None = None  # None: nothing has arrived yet
        self._left: int | None = None  # bytes of the counted current message that are still to come
        self._is_cut = False  # the rest of the current message is passed over
        self._ends = ENDS

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived; returns the messages that are whole. Raises FramingError."""
        self._data += data
        if self._is_counted is None and self._data.lstrip(_BETWEEN):
            self._is_counted = bool(_DIGITS.match(self._data.lstrip(_BETWEEN)))
        if self._is_counted is None:
            self._data.clear()
            return []
        if self._is_counted:
            return self._counted()
        if len(self._data) <= self._limit and not self._ends.search(data):
            return []  # what came before was looked at when it came
        return self._ended()

    def finish(self) -> list[bytes]:
        """Return what is left at the end of the stream, which is a message that nothing has ended."""
        rest = b"" if self._is_cut or self._is_counted else bytes(self._data)
        return [rest] if rest.strip(_BETWEEN) else []

    def _counted(self) -> list[bytes]:
        messages: list[bytes] = []
        while self._data:
            if self._left is None and not self._begin():
                break
            if self._is_cut:
                if not self._pass_over():
                    break
                continue
            assert self._left is not None
            size = min(self._left, self._limit)
            if len(self._data) < size:
                break
            messages.append(bytes(self._data[:size]))
            del self._data[:size]
            self._left -= size
            self._is_cut = self._left > 0
            self._left = self._left or None
        return messages

    def _begin(self) -> bool:
        """Read the length of the next message; returns whether it is here."""
        self._data = self._data.lstrip(_BETWEEN)
        match = _LENGTH.match(self._data)
        if match is None:
            if len(self._data) >= _LONGEST_LENGTH or (self._data and not _DIGITS.fullmatch(self._data)):
                raise FramingError
            return False
        self._left = int(match[1])
        del self._data[: match.end()]
        return True

    def _pass_over(self) -> bool:
        assert self._left is not None
        step = min(self._left, len(self._data))
        del self._data[:step]
        self._left -= step
        if self._left:
            return False
        self._left, self._is_cut = None, False
        return True

    def _ended(self) -> list[bytes]:
        *lines, rest = self._ends.split(self._data)
        if lines and self._is_cut:
            lines, self._is_cut = lines[1:], False
        messages = [bytes(line[: self._limit]) for line in lines if line.strip(_BETWEEN)]
        if self._is_cut:
            rest = rest[:0]
        elif len(rest) > self._limit:
            messages.append(bytes(rest[: self._limit]))
            rest, self._is_cut = rest[:0], True
        self._data = bytearray(rest)
        return messages
