"""What a search means, as a tree. Positions are for messages only: two trees that mean the same are equal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from logs.search.compiler import Compiler
    from logs.search.conditions import Condition
    from logs.search.sealed.matcher import Matcher
    from logs.search.sealed.pruner import Pruner
    from logs.storage.blocks.arrays import Mask

COMPARISONS = (">=", "<=", ">", "<")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of the query."""

    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a field; a quoted one is text even when it looks like a number."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """The log holds this text: in its message, in a value of its JSON, or as its id (logs/search/text.py)."""

    text: str
    span: Span = field(default=Span(), compare=False)


class Field(ABC):
    """A term about one field of a log; its kinds are in `operators`, and no one but the parser tells them apart."""

    __slots__ = ()
    key: str
    span: Span

    @property
    @abstractmethod
    def tested(self) -> str:
        """What a query has after the colon."""

    @property
    @abstractmethod
    def words(self) -> str:
        """The same in words."""

    @property
    def choices(self) -> tuple[Value, ...] | None:
        """The values of which the field has one; None where the term names none."""
        return None

    @property
    @abstractmethod
    def comparisons(self) -> int:
        """How many comparisons it becomes."""

    @property
    def message_parts(self) -> tuple[str, ...]:
        """The texts of which the message must hold one; none where it is about another field."""
        return ()

    def scope_words(self, names: Sequence[str]) -> list[str] | None:
        """Return the words that name services or environments, of which there are `names`; None where any will do."""
        return None if self.choices is None else [value.text for value in self.choices]

    @abstractmethod
    def renamed(self, key: str) -> Field:
        """Return the same about the field `key`."""

    @abstractmethod
    def check(self) -> None:
        """Raise QuerySyntaxError for what the field cannot be."""

    @abstractmethod
    def levels(self) -> list[str]:
        """Return the levels that it means where the field is the level, from least to most severe."""

    @abstractmethod
    def condition(self, compiler: Compiler) -> Condition:
        """Return the condition on `logs` that it means."""

    @abstractmethod
    def mask(self, matcher: Matcher) -> Mask:
        """Return which logs of a block it means."""

    @abstractmethod
    def prune(self, pruner: Pruner) -> Condition:
        """Return a condition on `log_blocks` that no block misses which has such a log; empty where none is known."""

    @property
    @abstractmethod
    def section(self) -> str:
        """The section of a block that `mask` reads; "" where it reads none."""


@dataclass(frozen=True, slots=True)
class Not:
    """What does not match the node."""

    node: Node
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of at least two nodes; none of them is an And."""

    nodes: tuple[Node, ...]
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of at least two nodes; none of them is an Or."""

    nodes: tuple[Node, ...]
    span: Span = field(default=Span(), compare=False)


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty query."""

    span: Span = field(default=Span(), compare=False)


Node: TypeAlias = Text | Field | Not | And | Or | Everything


def conjunction(nodes: Iterable[Node]) -> Node:
    """Join nodes by AND, flat and without what says nothing."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.nodes if isinstance(node, And) else () if isinstance(node, Everything) else (node,))
    if not flat:
        return Everything()
    return flat[0] if len(flat) == 1 else And(tuple(flat), Span(flat[0].span.start, flat[-1].span.end))


def disjunction(nodes: Iterable[Node]) -> Node:
    """Join at least one node by OR, flat."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.nodes if isinstance(node, Or) else (node,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat), Span(flat[0].span.start, flat[-1].span.end))


def terms(node: Node) -> tuple[Node, ...]:
    """Return what is ANDed at the top: what the page shows as pills."""
    if isinstance(node, Everything):
        return ()
    return node.nodes if isinstance(node, And) else (node,)


def leaves(node: Node) -> Iterator[tuple[Node, bool]]:
    """Yield every leaf with whether it is wanted (False below an odd number of negations)."""
    if isinstance(node, Not):
        for leaf, wanted in leaves(node.node):
            yield leaf, not wanted
    elif isinstance(node, And | Or):
        for each in node.nodes:
            yield from leaves(each)
    elif not isinstance(node, Everything):
        yield node, True
