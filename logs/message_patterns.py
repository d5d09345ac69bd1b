"""What messages of one kind have in common: numbers, ids and quoted text are masked, the rest stays.

"payment provider timeout after 2143 ms (order 81342)" becomes "payment provider timeout after <n> ms (order <n>)".
"""

from __future__ import annotations

import re

MESSAGE_READ = 600  # characters of a message that make its pattern
LONGEST = 200  # characters of a pattern

_HEX = "[0-9a-fA-F]"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"
# In one pass, so that what is masked is not masked again; what comes first wins. The time of each alternative grows
# with the text and no faster: where one can begin, none of its kind that began earlier reads on.
_MASKED = re.compile(
    "|".join(
        [
            r'(?P<text>(?<!\\)"(?:[^"\\]|\\.)*+"|`[^`]*+`|(?<!\w)\'[^\']*+\'(?!\w)|[“«][^“«”»]*+[”»])',
            rf"(?P<time>\b\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?)?|\b\d\d:\d\d:\d\d(?:[.,]\d+)?)",
            rf"(?P<uuid>\b{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\b)",
            r"(?P<email>(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++)",
            r"(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b|\[[0-9a-fA-F:]{2,39}\](?::\d{1,5})?)",
            rf"(?P<hex>\b0x{_HEX}+\b|\b(?={_HEX}*\d)(?={_HEX}*[a-fA-F]){_HEX}{{8,}}\b)",
            r"(?P<id>\b(?=[A-Za-z_]*\d)(?=\d*[A-Za-z_])\w{16,}\b)",
            r"(?P<n>\d+(?:[.,]\d+)*)",
        ]
    )
)
_NAMES = {"uuid": "id", "hex": "id"}


def message_pattern(message: str) -> str:
    """Return the pattern of `message`: that of its first line that is not blank, at most LONGEST characters."""
    lines = message[:MESSAGE_READ].strip().splitlines()
    line = " ".join(lines[0].split()) if lines else ""
    return _MASKED.sub(_mask, line)[:LONGEST]


def _mask(found: re.Match[str]) -> str:
    kind = found.lastgroup or "n"
    return f"<{_NAMES.get(kind, kind)}>"


def longest_literal(pattern: str) -> str:
    """Return the longest part of a pattern that stands in every one of its messages; for a search."""
    parts = re.split(r"<(?:text|time|id|email|ip|n)>", pattern)
    return max((part.strip() for part in parts), key=len, default="")
