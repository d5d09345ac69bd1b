"""Columns of text: messages as one text, and ids that may be missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from logs.storage.blocks.arrays import Mask, Places, np
from logs.storage.blocks.packing import (
    DamagedBlockError,
    Reader,
    pack_flags,
    pack_section,
    pieces,
    read_flags,
)

END = b"\0"  # between two texts: PostgreSQL stores none that holds it
_NONE, _HEXES, _TEXTS = b"n", b"h", b"t"
# The letters beyond ASCII that become such in the flat reading: of Kelvin, I with a dot, sharp s small and large.
_LETTERS, _PLAIN = "\u212a\u0130\u00df\u1e9e", (b"k", b"i", b"ss", b"ss")
_BECOME_ASCII = tuple((letter.encode(), plain) for letter, plain in zip(_LETTERS, _PLAIN, strict=True))
_FEW = 4  # texts that are found one by one
_COMPARED = 3  # bytes of a text that are compared everywhere
_AT_ONCE = 1 << 20  # bytes that are compared at once


def pack_messages(messages: Sequence[str]) -> bytes:
    """Write messages, none of them missing. Raises TooLargeError."""
    return pack_section("\0".join(messages).encode())


def pack_ids(ids: Sequence[str | None]) -> bytes:
    """Write trace or request ids; None and the empty text stay apart. Raises TooLargeError."""
    known = [each for each in ids if each is not None]
    if not known:
        return pack_section(_NONE)
    body = _of_hexes(known)
    kind = _TEXTS if body is None else _HEXES
    is_known = np.ones(len(ids), bool) if len(known) == len(ids) else np.array([each is not None for each in ids])
    return pack_section(kind + pack_flags(is_known) + ("\0".join(known).encode() if body is None else body))


def lower_of(text: bytes) -> bytes:
    """Return a text of UTF-8 in which ASCII stands as in the flat reading (logs/search/text.py), all else as it is."""
    lower = text.lower()
    if not text.isascii():
        for letter, plain in _BECOME_ASCII:
            if all(byte in lower for byte in letter):  # one byte is found some hundred times as quickly as two
                lower = lower.replace(letter, plain)
    return lower


class Joined:
    """`count` texts with `end` between them."""

    def __init__(self, text: bytes, count: int, end: bytes = END) -> None:
        self.text, self.count, self.end = text, count, end

    @cached_property
    def ends(self) -> Places:
        """Where each of them ends. Raises DamagedBlockError where there are not so many."""
        ends = np.append(np.flatnonzero(np.frombuffer(self.text, np.uint8) == self.end[0]), len(self.text))
        if len(ends) != self.count:
            raise DamagedBlockError("a column has another length than its block")
        return ends

    def at(self, row: int) -> bytes:
        """Return one of them."""
        return self.text[int(self.ends[row - 1]) + 1 if row else 0 : int(self.ends[row])]

    def holding(self, word: bytes) -> Mask:
        """Return which of them hold `word`; all are looked through at once."""
        found = np.zeros(self.count, bool)
        if not word:
            return ~found
        if self.end in word or not is_in(word, self.text):
            return found
        at, left = self.text.find(word), _FEW
        while at >= 0 and left:
            row = int(np.searchsorted(self.ends, at))
            found[row] = True
            at, left = self.text.find(word, int(self.ends[row])), left - 1
        if at >= 0:
            found[np.searchsorted(self.ends, _positions(word, self.text))] = True
        return found


def is_in(word: bytes, text: bytes) -> bool:
    """Return whether a text holds `word`; of a long text and a short word twice as quick as `in`."""
    return re.search(re.escape(word), text) is not None


def _positions(word: bytes, text: bytes) -> Places:
    """Return where `word` begins in a text that has it often: three bytes of it are compared at every place at once."""
    letters, count = np.frombuffer(text, np.uint8), len(text) - len(word) + 1
    found = letters[:count] == word[0]
    for at in {len(word) // 2, len(word) - 1} - {0}:
        found &= letters[at : at + count] == word[at]
    places = np.flatnonzero(found)
    if len(word) <= _COMPARED:
        return places
    windows: Any = np.ndarray((count,), f"S{len(word)}", text, strides=(1,))
    size = max(_AT_ONCE // len(word), 1)
    parts = [places[at : at + size] for at in range(0, max(len(places), 1), size)]
    return np.concatenate([part[windows[part] == word] for part in parts])


class Ids:
    """`count` trace or request ids of an unpacked section, in one of three forms; raises DamagedBlockError."""

    def __init__(self, raw: bytes, count: int) -> None:
        self.kind, self.count = raw[:1], count
        reader = Reader(raw[1:])
        if self.kind == _NONE:
            reader.finish()
            return
        if self.kind not in (_HEXES, _TEXTS):
            raise DamagedBlockError("ids are of an unknown kind")
        self._is_known = read_flags(reader, count)
        self._known = int(self._is_known.sum())
        self._body = raw[1 + -(-count // 8) :]
        if self.kind == _HEXES and len(self._body) != 16 * self._known:
            raise DamagedBlockError("a column has another length than its block")

    @cached_property
    def _texts(self) -> Joined:
        return Joined(self._body, self._known)

    def at(self, row: int) -> str | None:
        """Return one of them."""
        if self.kind == _NONE or not self._is_known[row]:
            return None
        place = int(self._is_known[:row].sum())
        if self.kind == _HEXES:
            return self._body[16 * place : 16 * place + 16].hex()
        return decoded([self._texts.at(place)])[0]

    @cached_property
    def all(self) -> list[str | None]:
        """All of them."""
        if self.kind == _NONE:
            return [None] * self.count
        if self.kind == _HEXES:
            text = self._body.hex()
            known = [text[at : at + 32] for at in range(0, len(text), 32)]
        else:
            known = decoded([self._body])[0].split("\0") if self._known else decoded(pieces(self._body, END, 0))
        if len(known) != self._known:
            raise DamagedBlockError("a column has another length than its block")
        if self._known == self.count:
            return list(known)
        texts = iter(known)
        return [next(texts) if is_known else None for is_known in self._is_known.tolist()]

    def may_hold(self, ids: Sequence[str]) -> bool:
        """Return whether one of `ids` may be among them, without making a list of all."""
        if self.kind == _HEXES:
            return any(body in self._body for each in ids if (body := _of_hexes([each])) is not None)
        return self.kind == _TEXTS and any(each.encode() in self._body for each in ids)


def decoded(texts: Sequence[bytes]) -> list[str]:
    """Return texts of UTF-8; raises DamagedBlockError."""
    try:
        return [each.decode() for each in texts]
    except UnicodeDecodeError as error:
        raise DamagedBlockError("a text is not UTF-8") from error


def _of_hexes(ids: Sequence[str]) -> bytes | None:
    """Return 16 bytes for each id where all of them are 32 hexadecimal digits as `bytes.hex` writes them."""
    if {*map(len, ids)} != {32}:
        return None
    joined = "".join(ids)
    try:
        body = bytes.fromhex(joined)
    except ValueError:
        return None
    return body if body.hex() == joined else None
