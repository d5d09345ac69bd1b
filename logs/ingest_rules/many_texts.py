"""Taking the secrets that everybody has out of many texts at once: Python runs for each secret, not for each text.

The texts are looked at as one. That none of the built-in patterns takes in U+0000, a quote or a backslash, so that
none reaches from one text into another, or out of a text in JSON, is what this stands on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from logs.ingest_rules.builtin import BY_NAME, BuiltIn
from logs.ingest_rules.clock import ScrubClock
from logs.ingest_rules.finders import Span, any_of

BETWEEN = "\0"  # which no text has that PostgreSQL can hold
_NUMBER = re.compile(rb"(?<![\w.+-])\d{12,19}(?![\w.+-])")
_NAME_ENDS = re.compile(rb'"\s*:')
_Join = Callable[[BuiltIn, bytes, Sequence[Span]], tuple[bytes, int]]  # the bytes without the secrets, and how many


class ManyTexts:
    """Scrubs texts by the built-in patterns that are named."""

    def __init__(self, names: Sequence[str]) -> None:
        kinds = [BY_NAME[name] for name in names]
        self._addresses = [kind for kind in kinds if kind.is_address]
        self._numbers = [kind for kind in kinds if kind.is_number]
        self._words = [kind for kind in kinds if not kind.is_address and not kind.is_number]
        self._any_word = any_of(kind.pattern for kind in self._words)
        self._others = any_of(kind.pattern for kind in [*self._words, *self._numbers])

    def plain(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock) -> list[str]:
        """Return texts without their secrets. Raises OutOfTimeError."""
        return self._scrub(texts, counts, clock, _plain)

    def json(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock) -> list[str]:
        """Return JSON, without a backslash, whose texts and long numbers have no secrets. Raises OutOfTimeError."""
        return self._scrub(texts, counts, clock, _json)

    def _scrub(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock, join: _Join) -> list[str]:
        whole = BETWEEN.join(texts)
        if whole.count(BETWEEN) >= len(texts):  # in one that PostgreSQL would refuse
            return [BETWEEN.join(self._scrub(text.split(BETWEEN), counts, clock, join)) for text in texts]
        scrubbed = whole.encode()
        for kind in self._kinds(scrubbed):
            clock.check()
            if spans := kind.find(scrubbed, clock):
                scrubbed, number = join(kind, scrubbed, spans)
                counts[kind.name] += number
        return scrubbed.decode().split(BETWEEN)

    def _kinds(self, whole: bytes) -> Iterator[BuiltIn]:
        """Give the kinds of which there may be one: of what is seldom there, asked of several at once."""
        if self._others.search(whole):
            yield from self._words if self._any_word.search(whole) else ()
            yield from self._numbers
        yield from self._addresses


def _plain(kind: BuiltIn, whole: bytes, spans: Sequence[Span]) -> tuple[bytes, int]:
    between: list[bytes] = []
    done = 0
    for start, end in spans:
        between.append(whole[done:start])
        done = end
    return kind.words.join([*between, whole[done:]]), len(spans)


def _json(kind: BuiltIn, whole: bytes, spans: Sequence[Span]) -> tuple[bytes, int]:
    pieces: list[bytes] = []
    done = 0
    place = (_Places if kind.is_number else _TextPlaces)(whole, kind.words).words
    for start, end in spans:
        if words := place(start, end):
            pieces += (whole[done:start], words)
            done = end
    return b"".join([*pieces, whole[done:]]), len(pieces) // 2


class _TextPlaces:
    """Where in JSON the secrets are that are asked about one after the other: each in a text, as no number is one."""

    def __init__(self, whole: bytes, words: bytes) -> None:
        self._whole, self._words, self._closing, self._instead = whole, words, -1, b""

    def words(self, start: int, end: int) -> bytes:
        """Return what is to stand instead of a secret; nothing for a name."""
        if self._closing < start:  # another text than before
            self._closing = self._whole.find(b'"', end)
            self._instead = b"" if _NAME_ENDS.match(self._whole, self._closing) else self._words
        return self._instead


class _Places(_TextPlaces):
    """The same where a number can be a secret."""

    _asked, _is_inside = 0, False

    def words(self, start: int, end: int) -> bytes:
        """Return what is to stand instead of a secret; nothing for a name, and for what is not all of a number."""
        self._is_inside ^= bool(self._whole.count(b'"', self._asked, start) % 2)
        self._asked = start
        if self._is_inside:
            return super().words(start, end)
        number = _NUMBER.match(self._whole, start)
        return b'"%b"' % self._words if number and number.end() == end else b""
