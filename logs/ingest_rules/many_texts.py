"""Taking the secrets that everybody has out of many texts at once: RE2 is called for each secret, not for each text.

The texts are looked at as one. That none of the built-in patterns takes in U+0000, a quote or a backslash, so that
none reaches from one text into another, or out of a text in JSON, is what this stands on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import re2

from logs.ingest_rules.builtin import BY_NAME, BuiltIn
from logs.ingest_rules.clock import ScrubClock

BETWEEN = "\0"  # which no text has that PostgreSQL can hold
_NUMBER = re.compile(rb"(?<![\w.+-])\d{12,19}(?![\w.+-])")
_NAME_ENDS = re.compile(rb'"\s*:')
_LOOKS = 50  # at so many secrets between two looks at the clock
_Place = Callable[[int, int, bytes], bytes | None]  # of a secret's start, its end and its words: what is to stand there


class ManyTexts:
    """Scrubs texts by the built-in patterns that are named."""

    def __init__(self, names: Sequence[str]) -> None:
        self._patterns = [(BY_NAME[name], re2.compile(BY_NAME[name].pattern.encode())) for name in names]

    def plain(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock) -> list[str]:
        """Return texts without their secrets. Raises OutOfTimeError."""
        return self._scrub(texts, counts, clock, lambda _: lambda start, end, words: words)

    def json(self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock) -> list[str]:
        """Return JSON, without a backslash, whose texts and long numbers have no secrets. Raises OutOfTimeError."""
        return self._scrub(texts, counts, clock, lambda whole: _JsonPlaces(whole).words)

    def _scrub(
        self, texts: Sequence[str], counts: Counter[str], clock: ScrubClock, place_in: Callable[[bytes], _Place]
    ) -> list[str]:
        if any(BETWEEN in text for text in texts):  # one that PostgreSQL would refuse
            return [BETWEEN.join(self._scrub(text.split(BETWEEN), counts, clock, place_in)) for text in texts]
        whole = BETWEEN.join(texts).encode()
        for kind, pattern in self._patterns:
            clock.check()
            whole = _replaced(kind, pattern, whole, place_in(whole), counts, clock)
        return whole.decode().split(BETWEEN)


class _JsonPlaces:
    """Where in JSON texts the secrets are that are asked about one after the other."""

    def __init__(self, whole: bytes) -> None:
        self._whole, self._asked, self._is_inside = whole, 0, False
        self._closing, self._is_name = -1, False

    def words(self, start: int, end: int, words: bytes) -> bytes | None:
        """Return what is to stand instead of a secret; None for a name, and for what is not all of a number."""
        self._is_inside ^= bool(self._whole.count(b'"', self._asked, start) % 2)
        self._asked = start
        if not self._is_inside:
            number = _NUMBER.match(self._whole, start)
            return b'"%b"' % words if number and number.end() == end else None
        if self._closing < start:  # another text than before
            self._closing = self._whole.find(b'"', end)
            self._is_name = _NAME_ENDS.match(self._whole, self._closing) is not None
        return None if self._is_name else words


def _replaced(
    kind: BuiltIn, pattern: Any, whole: bytes, place: _Place, counts: Counter[str], clock: ScrubClock
) -> bytes:
    words = f"[redacted {kind.name.replace('_', ' ')}]".encode()
    pieces: list[bytes] = []
    done = 0
    for number, match in enumerate(pattern.finditer(whole)):
        if not number % _LOOKS:
            clock.check()
        start, end = _secret_in(match, pattern.groups)
        if not kind.is_one(whole[start:end].decode()) or (put := place(start, end, words)) is None:
            continue
        pieces += (whole[done:start], put)
        done = end
        counts[kind.name] += 1
    return b"".join([*pieces, whole[done:]]) if pieces else whole


def _secret_in(match: Any, groups: int) -> tuple[int, int]:
    """Return where the group is that matched, or all of it where the pattern has none."""
    for group in range(1, groups + 1):
        start, end = match.span(group)
        if start >= 0:
            return start, end
    start, end = match.span()
    return start, end
