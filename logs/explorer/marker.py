"""Marks what the words of a query found, by the rule of the search (logs/search/text.py)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from logs.search.text import flat, fold, spellings_of_id
from logs.search.tree import Field, Node, Text, leaves

_MOST_WORDS, _MOST_MARKS = 10, 200  # that are marked in one text, the longest words; marks of each
_BEGINNING_FOUND, _MOST_COMPARED = 90, 1_000  # characters that are looked for; how often the rest is compared
_MOST_IRREGULAR = 4_000  # characters of a text whose letters become more or fewer when they are folded
_SPACES = frozenset("\t\n\v\f\r ")


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text folded letter by letter; `places` has where each letter stands in the text, None where all do as here."""

    folded: str
    places: list[int] | None = None

    def place(self, at: int) -> int:
        """Return where the letter `at` stands in the text."""
        return at if self.places is None else self.places[at]


class Marker:
    """Marks in texts what the query's words found.

    Words are looked for one by one, the longest first, by `str.find`: an alternation of regular expressions would try
    each of a hundred long words at each letter of every message.
    """

    def __init__(self, node: Node | None) -> None:
        wanted = [leaf for leaf, is_wanted in leaves(node) if is_wanted] if node else []
        texts = [leaf.text for leaf in wanted if isinstance(leaf, Text)]
        self._texts = [(text, _Word(fold(text))) for text in list(dict.fromkeys(texts))[:_MOST_WORDS]]
        parts = [part for leaf in wanted if isinstance(leaf, Field) for part in leaf.message_parts]
        words = {folded for text in [*texts, *parts] if (folded := fold(text)).strip()}
        self._words = [_Word(word) for word in sorted(words, key=len, reverse=True)[:_MOST_WORDS]]

    def first(self, text: str) -> int:
        """Return where the first match begins; 0 when there is none."""
        return min((start for start, _ in self._matches(text, most=1)), default=0)

    def mark(self, text: str, most: int | None = None) -> SafeString:
        """Return `text` as HTML, with the first `most` matches marked."""
        parts: list[str] = []
        at = 0
        for start, end in self._matches(text):
            if start >= at and len(parts) != most:
                parts.append(f"{escape(text[at:start])}<mark>{escape(text[start:end])}</mark>")
                at = end
        return mark_safe("".join(parts) + escape(text[at:]))  # noqa: S308  # every part was escaped above

    def missing_from(self, message: str) -> list[str]:
        """Return the words that a message does not hold, so that they were found elsewhere in the log."""
        if not self._texts:
            return []
        folded = _read(message).folded
        return [text for text, word in self._texts if not word.matches(folded, 1)]

    def _matches(self, text: str, *, most: int = _MOST_MARKS) -> list[tuple[int, int]]:
        """Return (start, end) of at most `most` matches of each word, by start, of several there the longest."""
        if not self._words:
            return []
        reading = _read(text)
        found = [
            (reading.place(start), reading.place(end - 1) + _length_at(text, reading.place(end - 1)))
            for word in self._words
            for start, end in word.matches(reading.folded, most)
        ]
        return sorted(found, key=lambda each: (each[0], -each[1]))


class _Word:
    """A folded text, whose spaces stand for any white space."""

    def __init__(self, folded: str) -> None:
        self.first, *self.others = folded.split(" ")
        self.beginning = self.first[:_BEGINNING_FOUND]

    def __len__(self) -> int:
        return len(self.first) + sum(map(len, self.others))

    def matches(self, folded: str, most: int) -> list[tuple[int, int]]:
        """Return (start, end) of at most `most` matches.

        A beginning that is short is found in linear time; what follows it is compared a bounded number of times.
        """
        if not self.first:  # it begins with white space: what follows that is marked
            return _Word(" ".join(self.others)).matches(folded, most) if any(self.others) else []
        found: list[tuple[int, int]] = []
        at = 0
        for _ in range(_MOST_COMPARED):
            at = folded.find(self.beginning, at)
            if at < 0 or len(found) == most:
                break
            end = self._end(folded, at)
            if end > at:
                found.append((at, end))
            at = max(end, at + 1)
        return found

    def _end(self, folded: str, at: int) -> int:
        """Return where the match that begins at `at` ends; -1 if none does."""
        if not folded.startswith(self.first, at):
            return -1
        end = at + len(self.first)
        for part in self.others:
            after = end
            while after < len(folded) and folded[after] in _SPACES:
                after += 1
            if after == end or not folded.startswith(part, after):
                return -1
            end = after + len(part)
        return end


def _read(text: str) -> _Reading:
    if text.isascii():
        return _Reading(text.lower())
    lower = flat(text).replace("\u03c2", "\u03c3")
    if len(lower) == len(text) and unicodedata.is_normalized("NFC", text):
        return _Reading(lower)
    folded: list[str] = []
    places: list[int] = []
    at = 0
    while at < min(len(text), _MOST_IRREGULAR):
        length = _length_at(text, at)
        letters = flat(unicodedata.normalize("NFC", text[at : at + length])).replace("\u03c2", "\u03c3")
        folded.append(letters)
        places += [at] * len(letters)
        at += length
    return _Reading("".join(folded), places)


def _length_at(text: str, at: int) -> int:
    """Return how many characters the letter at `at` has, with the marks after it that it composes with."""
    end = at + 1
    while end < len(text) and text[end] > "\u02ff" and _composes(text[end]):
        end += 1
    return end - at


def _composes(letter: str) -> bool:
    return unicodedata.combining(letter) > 0 or "\u1160" <= letter <= "\u11ff"  # a mark, or a vowel or end of Hangul


def is_id(value: str | None, word: str) -> bool:
    """Return whether `word` spells the trace or request id `value`."""
    return value is not None and value in spellings_of_id(word)
