"""A rule's filter: the explorer's grammar, compiled to a condition on `logs`."""

from __future__ import annotations

from logs.search.compiler import Compiler, Condition
from logs.search.errors import QuerySyntaxError
from logs.search.parser import parse
from services.scopes import Scopes

ANY = Condition("TRUE")


def check_filter(query: str) -> None:
    """Raise ValueError with the mistake and its remedy unless `query` can be understood."""
    try:
        parse(query)
    except QuerySyntaxError as mistake:
        raise ValueError(f"{mistake.message} {mistake.hint}".strip()) from mistake


def compiled(query: str, scopes: Scopes) -> Condition:
    """Return what `query` means for the organisation whose services are `scopes`; it has been checked."""
    condition = Compiler(scopes).compile(parse(query)) if query else ANY
    return condition if condition.sql else ANY
