"""Text on its way into PostgreSQL: what it cannot hold is replaced, what COPY would misread is escaped."""

from __future__ import annotations

import re

# A well-formed pair, or any other escape, is passed over; what is left are U+0000 and lone surrogates.
_ESCAPES = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\[^u])"
    rb"|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
)
REPLACEMENT = rb"\ufffd"


def replace_unstorable(body: bytes) -> bytes:
    """Replace U+0000 and lone surrogates in JSON by U+FFFD, in keys and values alike.

    They can only stand there as escapes: as plain bytes they are not JSON, or not UTF-8.
    """
    if rb"\u0000" in body or rb"\ud" in body or rb"\uD" in body:
        return _ESCAPES.sub(lambda match: match[1] or REPLACEMENT, body)
    return body


def copy_escape(text: str) -> str:
    """Escape a value for COPY's text format."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
