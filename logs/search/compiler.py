"""Turn a tree into a condition on `logs`: SQL text of ours alone, everything of the reader's as parameters.

How a condition is best looked up is a rule per kind of term (`Reach`), which `plans` reads:
    COLUMN  level, service, environment: the b-trees give them in the order of time
    LOOKUP  an index finds the few rows: trace, request, equality in the JSON
    SCAN    only looking at rows tells: text, comparisons, a field that is there, and what is negated
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from logs.search.conditions import Condition, Reach, any_of, one_of
from logs.search.spelling import closest
from logs.search.text import texts_condition
from logs.search.tree import And, Everything, Node, Not, Or, Text
from services.scopes import Scopes

_MOST_NOTICES = 5  # of a query; to guess what was meant, each is compared with every name


@dataclass(slots=True)
class Compiler:
    """Compiles for one organisation; `notices` are what the reader should know of names that no one has."""

    scopes: Scopes
    notices: list[str] = field(default_factory=list)

    def compile(self, node: Node) -> Condition:
        """Return the condition that `node` means."""
        if isinstance(node, Everything):
            return Condition()
        if isinstance(node, Not):
            inner = self.compile(node.node)
            reach = Reach.COLUMN if inner.reach is Reach.COLUMN else Reach.SCAN
            return Condition(f"({inner.sql}) IS NOT TRUE", inner.params, reach)
        if isinstance(node, And):
            return self._all(node.nodes)
        if isinstance(node, Or):
            return any_of([self.compile(each) for each in node.nodes])
        if isinstance(node, Text):
            return texts_condition([node.text])
        return node.condition(self)

    def _all(self, nodes: Sequence[Node]) -> Condition:
        """Return what meets all of `nodes`; texts become one condition."""
        texts = [node.text for node in nodes if isinstance(node, Text)]
        parts = [self.compile(node) for node in nodes if not isinstance(node, Text)]
        if texts:
            parts.append(texts_condition(texts))
        return _all_of(parts)

    def names(self, column: str) -> list[str]:
        """Return the names of all services or all environments."""
        return self.scopes.services() if column == "service" else self.scopes.environments()

    def scope(self, column: str, words: Sequence[str]) -> Condition:
        """Return what `words`, names of services or environments, mean; a notice for each that nothing has."""
        is_service = column == "service"
        find = self.scopes.service_ids if is_service else self.scopes.environment_ids
        names = self.names(column)
        unknown = [word for word in words if not find([word])]
        self.notices.extend(_unknown(column, word, names) for word in unknown[: _MOST_NOTICES - len(self.notices)])
        return one_of(f"{column}_id", find(words), "uuid")


def _all_of(parts: Sequence[Condition]) -> Condition:
    sql = " AND ".join(f"({part.sql})" for part in parts)
    params = tuple(param for part in parts for param in part.params)
    return Condition(sql, params, _reach_of_all([part.reach for part in parts]))


def _reach_of_all(reaches: Iterable[Reach]) -> Reach:
    """Of terms that must all hold one lookup is enough."""
    result = set(reaches)
    return next((each for each in (Reach.LOOKUP, Reach.SCAN) if each in result), Reach.COLUMN)


def _unknown(column: str, word: str, names: list[str]) -> str:
    near = closest(word, names)
    guess = f" Did you mean {near}?" if near else ""
    return f"No {column} is called “{word[:60]}”.{guess}"
