"""What can be said of a block without opening it: conditions on `log_blocks` that no block misses which has a match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from logs.search.conditions import Condition, one_of
from logs.search.sealed.matcher import JsonTest
from logs.search.text import flat, fold, spellings_of_id
from logs.search.tree import And, Everything, Field, Node, Not, Or, Text, leaves
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.signatures import GRAM, GRAM_HASHES, id_hashes, length_hashes, long_hashes, word_hashes
from logs.storage.blocks.table import ID_SECTIONS
from services.scopes import Scopes

_MOST_GRAMS = 8  # of a text that are looked up: more would hardly leave fewer blocks
_FEW_GRAMS = 3  # of a text that many blocks pass by chance, so that the second signature is read as well
_MOST_VALUES = 20  # of a term
_MOST_BITS = 200  # of a query: each costs every block, and the planner, some hundredths of a µs
_MOST_DIGITS = 40  # of a number that are looked for as text
_CONTROLS = re.compile("[\x00-\x1f]+")  # which JSON writes in its own way
# The other end of a block's range, and how it must stand to the number.
_ENDS = {">": ("1", ">="), ">=": ("1", ">="), "<": ("0", "<="), "<=": ("0", "<=")}


class Pruner:
    """Makes the conditions; `scopes` are those of the organisation. An empty condition is one that tells nothing."""

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes
        self._bits_left = _MOST_BITS

    def prune(self, node: Node) -> Condition:
        """Return the condition that every block meets that has a log which `node` means."""
        if isinstance(node, Everything | Not):
            return Condition()
        if isinstance(node, And):
            return _all([self.prune(each) for each in node.nodes])
        if isinstance(node, Or):
            return _any([self.prune(each) for each in node.nodes])
        if isinstance(node, Text):
            ids = spellings_of_id(node.text)
            return _any([self.text(node.text), self.ids(ids)]) if ids else self.text(node.text)
        return node.prune(self)

    def names(self, column: str) -> list[str]:
        """Return the names of all services or all environments."""
        return self.scopes.services() if column == "service" else self.scopes.environments()

    def levels(self, names: Sequence[str]) -> Condition:
        """A block with a log of one of the levels."""
        if len(names) == len(LEVELS):
            return Condition()
        return _any([Condition(f"levels[{LEVELS.index(name) + 1}] > 0") for name in names]) if names else _NEVER

    def scope(self, column: str, words: Sequence[str]) -> Condition:
        """A block of one of the services or environments."""
        ids = self.scopes.service_ids(words) if column == "service" else self.scopes.environment_ids(words)
        return one_of(f"{column}_id", ids, "uuid")

    def ids(self, values: Sequence[str]) -> Condition:
        """A block with one of the trace or request ids."""
        if len(values) > _MOST_VALUES:
            return Condition()
        return _any([self._id(value) for value in values])

    def _id(self, value: str) -> Condition:
        """A block with this id, and with one of its length, which blocks without `word_sig` do not tell."""
        length = _any([Condition("octet_length(word_sig) = 0"), self._bits("id_sig", length_hashes(value))])
        return _all([self._bits("id_sig", id_hashes(value)), length])

    def ids_of_texts(self, node: Node) -> Condition | None:
        """A block whose ids may be one of the texts in `node`; None where they are read for another reason."""
        found = [leaf for leaf, _ in leaves(node)]
        if any(isinstance(leaf, Field) and leaf.section in ID_SECTIONS for leaf in found):
            return None
        spelled = [spellings_of_id(leaf.text) for leaf in found if isinstance(leaf, Text)]
        condition = _any([self.ids(each) for each in spelled if each])
        return condition if condition.sql else None

    def text(self, text: str) -> Condition:
        """A block that has this text in a message or a value of the JSON."""
        if "\x1b" in text:  # is read otherwise in messages than in JSON
            return Condition()
        return _any([self._reading(each) for each in dict.fromkeys((flat(text), fold(text)))])

    def _reading(self, text: str) -> Condition:
        pieces = [each for piece in _CONTROLS.split(text) if len(each := piece.encode()) >= GRAM][:_MOST_GRAMS]
        grams = [each for piece in pieces for each in word_hashes(piece, _MOST_GRAMS)][: 2 * _MOST_GRAMS]
        told = [self._bits("text_sig", [hash_ for gram in grams for hash_ in gram[:GRAM_HASHES]])]
        if 0 < len(grams) <= _FEW_GRAMS:
            told.append(self._signed("part_sig", [hash_ for gram in grams for hash_ in gram[GRAM_HASHES:]]))
        long_grams = [each for piece in pieces for each in long_hashes(piece, _MOST_GRAMS)][: 2 * _MOST_GRAMS]
        if len(long_grams) > 1:
            told.append(self._signed("word_sig", long_grams))
        return _all(told)

    def _signed(self, column: str, hashes: Sequence[int]) -> Condition:
        """The same of a signature that blocks lack which were sealed before there was one."""
        return _any([Condition(f"octet_length({column}) = 0"), self._bits(column, hashes, _bit_outside)])

    def _bits(
        self, column: str, hashes: Sequence[int], bit: Callable[[str, int], Condition] | None = None
    ) -> Condition:
        """A block whose signature has these bits; nothing is told where a query asks for too many."""
        if len(hashes) > self._bits_left:
            return Condition()
        self._bits_left -= len(hashes)
        return _all([(bit or _bit)(column, hash_) for hash_ in hashes])

    def any_text(self, texts: Sequence[str]) -> Condition:
        """A block that has one of these texts."""
        return _any([self.text(text) for text in texts]) if 0 < len(texts) <= _MOST_VALUES else Condition()

    def json(self, key: str, test: JsonTest) -> Condition:
        """A block that has a fitting value under the dotted `key`."""
        alternatives = [_all([_number(key, sign, number), self._digits(sign, number)]) for sign, number in test.numbers]
        values: Any = getattr(test, "choices", None)
        alternatives += [self._value(value.text) for value in values or ()]
        told = _any(alternatives) if alternatives and len(alternatives) <= _MOST_VALUES else Condition()
        part = self.text(test.part_of_value) if test.part_of_value else Condition()
        there = _all([Condition("ranges ? %s", (key,)), told, part])
        return Condition(f"ranges IS NULL OR ({there.sql})", there.params)

    def _digits(self, sign: str, number: Decimal) -> Condition:
        """A block with the digits of a number that is to be equal: JSON of PostgreSQL has them without an exponent."""
        if sign != "==" or abs(number.adjusted()) >= _MOST_DIGITS:
            return Condition()
        digits = f"{number:f}"  # which rounds nothing
        return self.text(digits.rstrip("0").rstrip(".") if "." in digits else digits)

    def _value(self, text: str) -> Condition:
        """A block with a text that is a value of its JSON."""
        return self.text(text)


_NEVER = Condition("FALSE")


def _bit(column: str, hash_: int) -> Condition:
    return Condition(f"get_bit({column}, {_place(column, hash_)}) = 1")


def _bit_outside(column: str, hash_: int) -> Condition:
    """The same of what lies outside of its row: only the piece is fetched that has the byte."""
    place = _place(column, hash_)
    return Condition(f"get_bit(substr({column}, {place} / 8 + 1, 1), {place} & 7) = 1")


def _place(column: str, hash_: int) -> str:
    return f"(octet_length({column})::bigint * 8 * {int(hash_)} >> 32)::int"


def _number(key: str, sign: str, number: Decimal) -> Condition:
    if sign == "==":
        return _all([_number(key, ">=", number), _number(key, "<=", number)])
    end, comparison = _ENDS[sign]
    return Condition(
        f"jsonb_typeof(ranges -> %s) = 'array' AND coalesce((ranges -> %s ->> {end})::numeric {comparison} %s, true)",
        (key, key, number),
    )


def _all(conditions: Iterable[Condition]) -> Condition:
    return _joined(" AND ", [condition for condition in conditions if condition.sql])


def _any(conditions: Sequence[Condition]) -> Condition:
    return _joined(" OR ", conditions) if all(condition.sql for condition in conditions) else Condition()


def _joined(word: str, conditions: Sequence[Condition]) -> Condition:
    sql = word.join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(param for condition in conditions for param in condition.params))
