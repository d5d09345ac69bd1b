"""Changing a query by clicks: terms added and dropped, values of a facet switched."""

from __future__ import annotations

from logs.search.fields import column_of
from logs.search.operators import Equals
from logs.search.scanner import is_plain_value
from logs.search.tree import Field, Node, Not, Value, conjunction, terms


def with_term(node: Node, term: Node) -> Node:
    """Return `node` AND `term`, without saying the same twice."""
    return node if term in terms(node) else conjunction([node, term])


def without_term(node: Node, term: Node) -> Node:
    """Return `node` without one of its top terms."""
    return conjunction([each for each in terms(node) if each != term])


def value_of(text: str) -> Value:
    """Return the value that means `text`."""
    return Value(text, quoted=not is_plain_value(text))


def with_choice(node: Node, key: str, values: list[str]) -> Node:
    """Return `node` with `key` being one of `values` in place of all it said of `key` at its top; none frees it."""
    rest = [term for term in terms(node) if not _is_choice(term, key)]
    new: list[Node] = [Equals(key, tuple(value_of(value) for value in values))] if values else []
    return conjunction([*new, *rest])


def _is_choice(term: Node, key: str) -> bool:
    field = term.node if isinstance(term, Not) else term
    return isinstance(field, Field) and column_of(field.key) == column_of(key)
