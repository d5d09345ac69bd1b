"""Cells of a CSV file that no spreadsheet runs."""

from __future__ import annotations

import re
from typing import Any

# What begins a formula, also as East Asian keyboards write it.
_FORMULA = "=+@\uff1d\uff0b\uff0d\uff20-"
# Where a cell may begin: at the text's beginning, with the white space that spreadsheets skip before a formula, and
# inside of it where the spreadsheet's language divides cells by semicolons: quotes do not hold a text together then.
_BEGINNING = re.compile(rf"\A(?=[\t\r\n{_FORMULA}])|(?<=[;\t\r\n])(?=[{_FORMULA}])")
_INSIDE = (";", "\n", "\r", "\t")


def guarded(value: Any) -> Any:
    """Return a value as a cell may hold it: an apostrophe stands before whatever would be taken for a formula."""
    if not isinstance(value, str) or not value:
        return value
    if value[0] in _FORMULA or any(each in value for each in _INSIDE):
        return _BEGINNING.sub("'", value)
    return value
