"""Whole numbers in what people and programs send."""

from __future__ import annotations

MOST = 2**63 - 1  # that a column holds


def whole_number(text: str, most: int = MOST) -> int | None:
    """Return the number that `text` writes in ASCII digits, None when it is none or above `most`.

    `str.isdigit` takes digits that `int` does not ("²"), `int` those of every script, and both take any length.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None
