"""How the smallest parts of a query are written: words, phrases, names of fields. `printer` writes what this reads."""

from __future__ import annotations

import re

from logs.search.errors import QuerySyntaxError

# A field's name as it may stand without quotes. `http://…`, `std::map` and `C:\\temp` are words, not fields.
_NAME = re.compile(r"[^\W\d][\w.@$/-]*(?=:(?!//|:|\\))")
_ESCAPE = re.compile(r'\\(["\\])')
_TO_ESCAPE = re.compile(r'["\\]')


def skip_space(query: str, at: int) -> int:
    """Return the first place from `at` on that is not white space."""
    while at < len(query) and query[at].isspace():
        at += 1
    return at


def scan_word(query: str, at: int, stops: str = "") -> tuple[str, int]:
    """Read up to white space, one of `stops`, or a bracket that does not close one inside: `connect()` is one word."""
    start, depth = at, 0
    while at < len(query):
        char = query[at]
        if char.isspace() or char in stops or (char == ")" and not depth):
            break
        depth += (char == "(") - (char == ")")
        at += 1
    return query[start:at], at


def is_word(text: str, stops: str = "") -> bool:
    """Return whether `text` is one word wherever it stands; `connect(` is not: it would take in a bracket behind it."""
    return bool(text) and scan_word(f"{text})", 0, stops) == (text, len(text))


def is_plain_value(text: str) -> bool:
    """Return whether `text` reads as a field's value wherever it stands without quotes."""
    return text[:1] not in ('"', "~") and text[-1:] != "*" and is_word(text, ",")


def scan_phrase(query: str, at: int) -> tuple[str, int]:
    """Read a phrase whose opening quote stands at `at`; raises QuerySyntaxError when it is not closed.

    `\\"` is a quote and `\\\\` a backslash; any other backslash is itself.
    """
    end = at + 1
    while end < len(query) and query[end] != '"':
        end += 2 if query[end] == "\\" and query[end + 1 : end + 2] in ('"', "\\") else 1
    if end >= len(query):
        raise QuerySyntaxError(at, len(query), "This quote is not closed.", 'Put another " at the end of the phrase.')
    return _ESCAPE.sub(r"\1", query[at + 1 : end]), end + 1


def scan_name(query: str, at: int) -> str:
    """Return the field's name that stands at `at`, without quotes, in front of a colon; empty if there is none."""
    match = _NAME.match(query, at)
    return match.group() if match else ""


def quoted(text: str) -> str:
    """Write `text` as a phrase."""
    return '"' + _TO_ESCAPE.sub(r"\\\g<0>", text) + '"'
