"""Text on its way into PostgreSQL: what it cannot hold is replaced, what COPY would misread is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A well-formed pair, or any other escape, is passed over; what is left are U+0000 and lone surrogates.
_ESCAPES = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\[^u])"
    rb"|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
)
REPLACEMENT = rb"\ufffd"
NULL = "\\N"
_BETWEEN = "\0"  # which no text has that PostgreSQL can hold


def replace_unstorable(body: bytes) -> bytes:
    """Replace U+0000 and lone surrogates in JSON by U+FFFD, in keys and values alike.

    They can only stand there as escapes: as plain bytes they are not JSON, or not UTF-8.
    """
    if rb"\u0000" in body or rb"\ud" in body or rb"\uD" in body:
        return _ESCAPES.sub(lambda match: match[1] or REPLACEMENT, body)
    return body


def copy_texts(values: Sequence[str | None], is_plain: bool) -> Sequence[str]:
    """Write a column for COPY's text format: NULL for None, and unless it `is_plain` escaped, all values at once."""
    if is_plain or not values:
        return [NULL if value is None else value for value in values]
    escaped = _escape(_BETWEEN.join([value or "" for value in values])).split(_BETWEEN)
    return [NULL if value is None else text for value, text in zip(values, escaped, strict=True)]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
