"""How upper and lower case are made the same: letter by letter, in one place for rows, blocks and marks.

It is Unicode's simple mapping, as PostgreSQL's lower() in the locale of the embedded server has it: a letter has one
lower case wherever it stands, and the length of a text is that of the text that was folded.
"""

from __future__ import annotations

_DOTTED_I, _SIGMA = "\u0130", "\u03a3"  # str.lower makes two letters of the one, and looks what follows the other


def fold(text: str) -> str:
    """Return `text` in lower case, letter by letter, so that places in it are places in `text`."""
    if not text.isascii():
        text = text.replace(_DOTTED_I, "i").replace(_SIGMA, "\u03c3")
    return text.lower()


def fold_bytes(text: bytes) -> bytes:
    """Return the same of a text in UTF-8, in UTF-8."""
    return text.lower() if text.isascii() else fold(text.decode()).encode()
