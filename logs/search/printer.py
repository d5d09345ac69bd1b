"""Write a tree as a query: `parse(print_query(tree)) == tree`."""

from __future__ import annotations

from logs.search.fields import COLUMNS
from logs.search.scanner import is_plain_value, is_word, quoted, scan_name
from logs.search.tree import COMPARISONS, And, Compares, Equals, Everything, Exists, Node, Not, Or, Text, Value

_KEYWORDS = ("OR", "AND")


def print_query(node: Node) -> str:
    """Return the query that means `node`, quoted only where it must be."""
    if isinstance(node, Everything):
        return ""
    if isinstance(node, Or):
        return " OR ".join(print_query(each) for each in node.nodes)
    if isinstance(node, And):
        return " ".join(_inner(each) if isinstance(each, Or) else print_query(each) for each in node.nodes)
    if isinstance(node, Not):
        return "-" + (_inner(node.node) if isinstance(node.node, And | Or | Not) else print_query(node.node))
    return _leaf(node)


def _inner(node: Node) -> str:
    return f"({print_query(node)})"


def _leaf(node: Node) -> str:
    if isinstance(node, Text):
        return node.text if is_plain_word(node.text) else quoted(node.text)
    if isinstance(node, Exists):
        return _field(node.key, "*")
    if isinstance(node, Compares):
        return _field(node.key, node.comparison + node.number)
    assert isinstance(node, Equals)
    first, *others = node.values
    is_alone = not others
    written = quoted(first.text) if _reads_otherwise(first, is_alone=is_alone) else _value(first)
    return _field(node.key, ",".join([written, *map(_value, others)]))


def _field(key: str, tested: str) -> str:
    is_plain = bool(key) and scan_name(f"{key}:{tested}", 0) == key
    return f"{key if is_plain else quoted(key)}:{tested}"


def _reads_otherwise(value: Value, *, is_alone: bool) -> bool:
    return value.text.startswith(COMPARISONS) or (is_alone and value.text == "*")


def is_plain_word(text: str) -> bool:
    """Tell whether `text` reads as a word when it stands without quotes."""
    if not text or text in _KEYWORDS or text[0] in '-("' or not is_word(text):
        return False
    name = scan_name(text, 0)
    return not name or (len(name) + 1 == len(text) and name.lower() not in COLUMNS)


def _value(value: Value) -> str:
    return value.text if not value.quoted and is_plain_value(value.text) else quoted(value.text)
