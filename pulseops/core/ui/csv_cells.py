"""Cells of a CSV file that no spreadsheet runs."""

from __future__ import annotations

from typing import Any

# What begins a formula, also as East Asian keyboards write it, and the white space that spreadsheets skip before one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def guarded(value: Any) -> Any:
    """Return a value as a cell may hold it: an apostrophe stands before a text that would be taken for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
