"""Which three letters of a text to ask the index of parts for: few that are rare cost less than all of them.

An index of every three letters in a row (logs/storage/trigram_index.py) reads a list of rows for each three letters
that it is asked for, and those of ordinary words are long. So of a long text the least common are chosen, and
whether the whole text is there is seen in the rows. What is common is guessed from how often letters stand in English
text; three digits are rarer than three letters, and letters of other scripts rarer still. But logs are full of numbers,
so a number is asked for by more of its digits, and by those that overlap.
"""

from __future__ import annotations

import math
import re

MOST, MOST_WITH_DIGITS = 3, 4  # threes that are asked for; more would hardly leave fewer rows
_RUN = re.compile(r"[^\W_]{3,}")
# Per cent of the letters of English text (Lewand, Cryptological Mathematics), and of a log's characters for digits.
_SHARES = {
    **dict(zip("etaoinshrdlcumwfgypbvkjxqz", (
        12.7, 9.1, 8.2, 7.5, 7.0, 6.7, 6.3, 6.1, 6.0, 4.3, 4.0, 2.8, 2.8, 2.4, 2.4, 2.2, 2.0, 2.0, 1.9, 1.5, 1.0, 0.8,
        0.15, 0.15, 0.1, 0.07,
    ), strict=True)),
    **dict.fromkeys("0123456789", 1.0),
}  # fmt: skip
_ELSEWHERE = 0.05


def rare_pieces(text: str) -> list[str]:
    """Return pieces of `text`, in their order and apart from each other, that hold its rarest threes of letters.

    Empty when it has so few that there is nothing to choose.
    """
    threes = [at for run in _RUN.finditer(text) for at in range(run.start(), run.end() - 2)]
    has_digits = any(character.isdigit() for character in text)
    most = MOST_WITH_DIGITS if has_digits else MOST
    if len(threes) <= most:
        return []
    chosen: list[int] = []
    for at in sorted(threes, key=lambda at: _share(text[at : at + 3])):
        if len(chosen) < most and (has_digits or all(abs(at - other) >= 3 for other in chosen)):
            chosen.append(at)
    return _joined(text, sorted(chosen))


def _joined(text: str, threes: list[int]) -> list[str]:
    """Return the threes that begin at these places, those that overlap as one piece."""
    ends: list[tuple[int, int]] = []
    for at in threes:
        if ends and at < ends[-1][1]:
            ends[-1] = (ends[-1][0], at + 3)
        else:
            ends.append((at, at + 3))
    return [text[start:end] for start, end in ends]


def _share(three: str) -> float:
    return math.prod(_SHARES.get(letter, _ELSEWHERE) for letter in three.lower())
