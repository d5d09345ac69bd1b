"""Which logs of a block a tree means: what `compiler` says in SQL of rows, said of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Protocol

from logs.search.sealed.words import messages, word_of
from logs.search.tested import ORDER
from logs.search.text import spellings_of_id
from logs.search.tree import And, Everything, Field, Node, Not, Or, Text, leaves
from logs.storage.blocks.arrays import Ints, Mask, np
from logs.storage.blocks.block import Block
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.documents import Column, Slot, parse_value
from logs.storage.blocks.fields import floats_of
from logs.storage.blocks.paths import unwrapped, values_at, values_in
from logs.storage.blocks.table import Head
from services.scopes import Scopes

_ROUNDED = {">": ROUND_FLOOR, "<=": ROUND_FLOOR, ">=": ROUND_CEILING, "<": ROUND_CEILING}


class JsonTest(Protocol):
    """What a term asks of a value of the JSON."""

    @property
    def asks_value(self) -> bool:
        """Whether it depends on the value, and not only on there being one."""

    @property
    def numbers(self) -> tuple[tuple[str, Decimal], ...]:
        """The comparisons of which one must hold of a number."""

    @property
    def part_of_value(self) -> str:
        """A text that each fitting value has in it, numbers read as texts; "" where it is no such term."""

    @property
    def is_part_enough(self) -> bool:
        """Whether each value that holds that text is meant."""

    def holds_json(self, value: Any) -> bool:
        """Return whether it holds of a value."""


class MessageTest(Protocol):
    """What a term asks of a message."""

    @property
    def message_parts(self) -> tuple[str, ...]:
        """The texts of which a message must hold one."""

    def holds_message(self, message: str) -> bool:
        """Return whether it holds."""


def sections_of(node: Node) -> set[str]:
    """Return the sections of a block that `Matcher.mask` reads for `node`."""
    found: set[str] = set()
    for leaf, _ in leaves(node):
        if isinstance(leaf, Text):
            found |= {"message", "meta"} | ({"trace", "request"} if spellings_of_id(leaf.text) else set())
        elif isinstance(leaf, Field):
            found.add(leaf.section)
    return found - {""}


class Matcher:
    """Tells of one block; `scopes` are those of its organisation."""

    def __init__(self, scopes: Scopes, head: Head, block: Block) -> None:
        self.scopes = scopes
        self.head = head
        self.block = block

    def mask(self, node: Node) -> Mask:
        """Return which logs `node` means. Raises DamagedBlockError."""
        if isinstance(node, Everything):
            return self.all()
        if isinstance(node, Not):
            return ~self.mask(node.node)
        if isinstance(node, And):
            return self._every(node.nodes)
        if isinstance(node, Or):
            return ~self._every([Not(each) for each in node.nodes])
        if isinstance(node, Text):
            return word_of(node.text).mask(self.block)
        return node.mask(self)

    def all(self) -> Mask:
        """Every log."""
        return np.ones(self.block.count, bool)

    def none(self) -> Mask:
        """No log."""
        return np.zeros(self.block.count, bool)

    def levels(self, names: Sequence[str]) -> Mask:
        """Those of one of the levels."""
        if len(names) == len(LEVELS):
            return self.all()
        return np.isin(self.block.levels, [LEVELS.index(name) for name in names])

    def scope(self, column: str, words: Sequence[str]) -> Mask:
        """All or none, as the block is of one of the services or environments named."""
        if column == "service":
            return self.all() if self.head.service_id in self.scopes.service_ids(words) else self.none()
        return self.all() if self.head.environment_id in self.scopes.environment_ids(words) else self.none()

    def ids(self, column: str, holds: Callable[[str | None], bool]) -> Mask:
        """Those of whose trace or request id it holds."""
        ids = self.block.traces if column == "trace_id" else self.block.requests
        return np.fromiter(map(holds, ids), bool, self.block.count)

    def json(self, key: str, test: JsonTest) -> Mask:
        """Those that have a value of which it holds under the dotted `key`."""
        documents = self.block.documents
        found = self.none()
        for shape, text in enumerate(documents.shapes):
            mine = self._of_shape(shape, text, key, test)
            if mine is not None:
                found[documents.rows(shape)] = mine
        return found

    def _of_shape(self, shape: int, text: bytes, key: str, test: JsonTest) -> Mask | bool | None:
        if self.block.documents.is_whole(text):
            return self.block.documents.column(shape, 0).mask(lambda document: _in_document(document, key, test))
        found: Mask | bool | None = None
        for value in values_at(text, key):
            if not test.asks_value:
                return True
            if isinstance(value, Slot):
                mine = column_mask(self.block.documents.column(shape, value.number), test)
                found = mine if found is None else mine | found
            elif any(map(test.holds_json, unwrapped(value))):
                return True
        return found

    def _every(self, nodes: Iterable[Node]) -> Mask:
        found = self.all()
        for node in nodes:
            found &= self.mask(node)
            if not found.any():
                break
        return found

    def names(self, column: str) -> list[str]:
        """Return the names of all services or all environments."""
        return self.scopes.services() if column == "service" else self.scopes.environments()

    def messages(self, test: MessageTest) -> Mask:
        """Those of whose message it holds."""
        parts = test.message_parts
        if parts and not any(word_of(part).in_messages(self.block).any() for part in parts):
            return self.none()
        return messages(self.block, test.holds_message)


def _in_document(document: bytes, key: str, test: JsonTest) -> bool:
    """Return whether a whole document has a fitting value under the dotted `key`."""
    value = parse_value(document)
    found = values_in(value, key)
    return any(not test.asks_value or any(map(test.holds_json, unwrapped(each))) for each in found)


def column_mask(column: Column, test: JsonTest) -> Mask:
    """Return for which rows of a column the test holds."""
    if test.part_of_value:
        word = word_of(test.part_of_value)
        if test.is_part_enough:
            return word.in_column(column)
        if not word.may_be_in(column):
            return np.zeros(column.count, bool)
        return column.mask(lambda text: _holds(text, test))
    if column.ints is not None:
        return _of_ints(column.ints, test)
    if column.entries is not None:
        return column.mask(lambda text: _holds(text, test))
    texts, found, are_numbers = column.texts, np.zeros(column.count, bool), column.are_numbers
    others = np.flatnonzero(~are_numbers).tolist()
    known = {text: _holds(text, test) for text in {texts[place] for place in others}}
    found[others] = [known[texts[place]] for place in others]
    if test.numbers:
        places = np.flatnonzero(are_numbers)
        found[places] = _of_numbers(texts if not others else [texts[place] for place in places.tolist()], test)
    return found


def _holds(text: bytes, test: JsonTest) -> bool:
    if text[:1] == b'"' and b"\\" not in text:
        return test.holds_json(text[1:-1].decode())
    return any(map(test.holds_json, unwrapped(parse_value(text))))


def _of_ints(ints: Ints, test: JsonTest) -> Mask:
    found = np.zeros(len(ints), bool)
    for sign, number in test.numbers:
        if sign == "==" and number != number.to_integral_value():
            continue
        found |= ORDER[sign](ints, int(number.to_integral_value(_ROUNDED.get(sign, ROUND_FLOOR))))
    return found


def _of_numbers(texts: Sequence[bytes], test: JsonTest) -> Mask:
    """Compare numbers as floats, which keep the order of numbers, and those exactly that are the same float."""
    floats = floats_of(texts)
    found = np.zeros(len(texts), bool)
    for sign, number in test.numbers:
        near = _float(number)
        is_same = floats == near
        if sign != "==":
            found |= ORDER[sign](floats, near) & ~is_same
        for place in np.flatnonzero(is_same & ~found).tolist():
            found[place] = ORDER[sign](Decimal(texts[place].decode()), number)
    return found


def _float(number: Decimal) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
