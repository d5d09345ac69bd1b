"""What is filtered, as pills that can be removed one by one."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.text import Truncator

from logs.explorer.state import LONGEST_LINK, ExplorerState
from logs.search.fields import column_of
from logs.search.printer import print_query
from logs.search.rewrite import without_term
from logs.search.tree import Everything, Field, Node, Not, Or, Text, terms

_SHOWN = 120  # characters of a value


@dataclass(frozen=True, slots=True)
class Pill:
    """A term of the query as the page shows it; `drop_url` is the page without it, empty where that is long."""

    name: str
    value: str
    is_not: bool
    drop_url: str


def pills(explorer: ExplorerState) -> list[Pill]:
    """Return a pill for each term at the top of the query."""
    from_tree = explorer.node or Everything()
    return [_pill(explorer, from_tree, term) for term in terms(from_tree)]


def _pill(explorer: ExplorerState, node: Node, term: Node) -> Pill:
    inner = term.node if isinstance(term, Not) else term
    drop = explorer.with_query(without_term(node, term))
    drop = drop if len(drop) <= LONGEST_LINK else ""
    written = print_query(inner)
    if isinstance(inner, Field):
        return Pill(column_label(inner.key), Truncator(inner.words).chars(_SHOWN), inner is not term, drop)
    name = "text" if isinstance(inner, Text) else "any of" if isinstance(inner, Or) else "all of"
    text = inner.text if isinstance(inner, Text) else written
    return Pill(name, Truncator(text).chars(_SHOWN), inner is not term, drop)


def column_label(key: str) -> str:
    """Return how pages call a field."""
    return {"trace_id": "trace", "request_id": "request"}.get(column_of(key) or "", column_of(key) or key)
