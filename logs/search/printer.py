"""Write a tree as a query: `parse(print_query(tree)) == tree`."""

from __future__ import annotations

from logs.search.fields import NEVER_WORDS
from logs.search.scanner import is_word, quoted, scan_name
from logs.search.tree import And, Everything, Field, Node, Not, Or, Text

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


def _leaf(node: Text | Field) -> str:
    if isinstance(node, Text):
        return node.text if is_plain_word(node.text) else quoted(node.text)
    return _field(node.key, node.tested)


def _field(key: str, tested: str) -> str:
    is_plain = bool(key) and scan_name(f"{key}:{tested}", 0) == key
    return f"{key if is_plain else quoted(key)}:{tested}"


def is_plain_word(text: str) -> bool:
    """Return whether `text` reads as a word when it stands without quotes."""
    if not text or text in _KEYWORDS or text[0] in '-("' or not is_word(text):
        return False
    name = scan_name(text, 0)
    return not name or (len(name) + 1 == len(text) and name.lower() not in NEVER_WORDS)
