"""A JSON body with an entry that is none: the others are found by the brackets and commas around them."""

from __future__ import annotations

import re
from itertools import islice

# A text, or a mark that structures. A quote that begins no text ends the search: nothing behind it is certain.
# Possessive, so that the time it takes grows with the length alone.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},:"]', re.DOTALL)
_MOST_TOKENS = 100_000  # a full batch of usual logs has as many


def entries_around_errors(content: bytes) -> list[bytes] | None:
    """Return the texts of the entries of `[…]` or `{"logs": […]}`, each JSON or not; None if the array has no end.

    None as well where that takes more than _MOST_TOKENS: reading on would cost more than a request may.
    """
    entries: list[bytes] = []
    depth, inside, begin = 0, 0, 0  # `inside` is the depth of the entries, once the array has begun
    last = b""  # the text before a colon
    for match in islice(_TOKEN.finditer(content), _MOST_TOKENS):
        token = match[0]
        if token == b'"':
            return None
        if not inside and token == b"[" and (depth == 0 or (depth == 1 and last == b'"logs"')):
            inside, begin = depth + 1, match.end()
        elif inside and depth == inside and token in b",]":
            entries.append(content[begin : match.start()])
            begin = match.end()
            if token == b"]":
                return [] if len(entries) == 1 and not entries[0].strip() else entries
        elif token[:1] == b'"' and not inside:
            last = token
        depth += (token in b"[{") - (token in b"]}")
    return None
