"""Text on its way into PostgreSQL: what it cannot hold is replaced, what COPY would misread is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BACKSLASH = rb"\\"  # as JSON writes one
_STAND_IN = b"\xff\xff"  # which UTF-8 cannot hold
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = re.compile(rb"%s(?!%s)|(?<!%s)%s" % (_HIGH, _LOW, _HIGH, _LOW))
_NUL, _REPLACEMENT = rb"\u0000", rb"\ufffd"
NULL = "\\N"
_BETWEEN = "\0"  # which no text has that PostgreSQL can hold


def replace_unstorable(body: bytes) -> bytes:
    """Replace U+0000 and lone surrogates in JSON (UTF-8) by U+FFFD, in keys and values alike.

    They can only stand there as escapes: as plain bytes they are not JSON, or not UTF-8. Escaped backslashes step aside
    meanwhile, so that each backslash left begins an escape; all of it runs in C, whatever the body is made of.
    """
    if b"\\" not in body or rb"\u" not in body:  # one byte is found eighty times as fast as two
        return body
    has_surrogates = rb"\ud" in body or rb"\uD" in body
    if _NUL in body or has_surrogates:
        body = body.replace(_BACKSLASH, _STAND_IN).replace(_NUL, _REPLACEMENT)
        if has_surrogates:
            body = _LONE.sub(rb"\\ufffd", body)  # as re.sub writes it
        body = body.replace(_STAND_IN, _BACKSLASH)
    return body


def copy_texts(values: Sequence[str | None], is_plain: bool) -> Sequence[str]:
    """Write a column for COPY's text format: NULL for None, and unless it `is_plain` escaped, all values at once."""
    if is_plain or not values:
        return [NULL if value is None else value for value in values]
    escaped = _escape(_BETWEEN.join([value or "" for value in values])).split(_BETWEEN)
    return [NULL if value is None else text for value, text in zip(values, escaped, strict=True)]


def array_literal(values: Sequence[str | None]) -> str:
    """Write values as PostgreSQL reads an array of text; psycopg would take a call of Python for each quote in them."""
    quoted = ["NULL" if value is None else _quote(value) for value in values]
    return "{" + ",".join(quoted) + "}"


def _quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
