"""A rule's filter: the explorer's grammar."""

from __future__ import annotations

from logs.search.errors import QuerySyntaxError
from logs.search.parser import parse


def check_filter(query: str) -> None:
    """Raise ValueError with the mistake and its remedy unless `query` can be understood."""
    try:
        parse(query)
    except QuerySyntaxError as mistake:
        raise ValueError(f"{mistake.message} {mistake.hint}".strip()) from mistake
