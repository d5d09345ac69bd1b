"""Turn a tree into a condition on `logs`: SQL text of ours alone, everything of the reader's as parameters.

How a condition is best looked up is a rule per kind of term (`Reach`), which `plans` reads:
    COLUMN  level, service, environment: the b-trees give them in the order of time
    LOOKUP  an index finds the few rows: trace, request, equality in the JSON
    TRIGRAM the indexes of parts (logs/storage/trigram_index.py) find them, each in its time: text of three letters and
            more, and a field of the JSON that is there, by its name
    SCAN    only looking at rows tells: shorter text, comparisons, and what is negated
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from logs.search.conditions import Condition, Reach, one_of
from logs.search.spelling import closest
from logs.search.tree import And, Everything, Node, Not, Or, Text
from logs.search.trigrams import rare_pieces
from services.scopes import Scopes

_THREE_LETTERS = re.compile(r"[^\W_]{3}")  # what pg_trgm can look up
_MOST_NOTICES = 5  # of a query; to guess what was meant, each is compared with every name
_LIKE_SPECIAL = re.compile(r"[%_\\]")
# Sigma and the dotted I: under ICU collations their lower case depends on the letters around them, so that lower(part)
# need not stand in lower(whole).
_CONTEXT_LETTERS = re.compile("[\u03a3\u03c3\u03c2\u0130\u0307]")


@dataclass(slots=True)
class Compiler:
    """Compiles for one organisation; `notices` are what the reader should know of names that no one has.

    With `is_plain` text is written so that no index is asked for it: of a common text that would only cost more, and
    the planner takes the letters of all organisations for as rare as those of a small one.
    """

    scopes: Scopes
    is_plain: bool = False
    notices: list[str] = field(default_factory=list)

    def compile(self, node: Node) -> Condition:
        """Return the condition that `node` means."""
        if isinstance(node, Everything):
            return Condition()
        if isinstance(node, Not):
            inner = replace(self, is_plain=True).compile(node.node)
            reach = Reach.COLUMN if inner.reach is Reach.COLUMN else Reach.SCAN
            return Condition(f"({inner.sql}) IS NOT TRUE", inner.params, reach)
        if isinstance(node, And):
            return _joined(" AND ", [self.compile(each) for each in node.nodes], _reach_of_all)
        if isinstance(node, Or):
            return _joined(" OR ", [self.compile(each) for each in node.nodes], _reach_of_any)
        if isinstance(node, Text):
            return text_condition(node.text, is_plain=self.is_plain)
        return node.condition(self)

    def scope(self, column: str, words: Sequence[str]) -> Condition:
        """Return what `words`, names of services or environments, mean; a notice for each that nothing has."""
        is_service = column == "service"
        find = self.scopes.service_ids if is_service else self.scopes.environment_ids
        names = self.scopes.services() if is_service else self.scopes.environments()
        unknown = [word for word in words if not find([word])]
        self.notices.extend(_unknown(column, word, names) for word in unknown[: _MOST_NOTICES - len(self.notices)])
        return one_of(f"{column}_id", find(words), "uuid")


def text_condition(text: str, *, is_plain: bool = False) -> Condition:
    """Return «the message holds `text`», upper and lower case being the same, as the database folds them."""
    pattern = like_pattern(text)
    folded, looked_at = "lower(message) LIKE lower(%s)", "lower(message || '') LIKE lower(%s)"
    if is_plain:
        folded = looked_at
    if _THREE_LETTERS.search(text) and not _CONTEXT_LETTERS.search(text):
        if not is_plain and (pieces := rare_pieces(text)):
            return Condition(f"{folded} AND {looked_at}", ("%" + "%".join(pieces) + "%", pattern), Reach.TRIGRAM)
        return Condition(folded, (pattern,), Reach.SCAN if is_plain else Reach.TRIGRAM)
    if text.lower() == text.upper():  # no letter in it has two cases
        return Condition("message LIKE %s", (pattern,), Reach.SCAN)
    if _CONTEXT_LETTERS.search(text):
        return Condition(f"({folded} OR message LIKE %s)", (pattern, pattern), Reach.SCAN)
    return Condition(folded, (pattern,), Reach.SCAN)


def like_pattern(text: str) -> str:
    """Return the LIKE pattern «holds `text`», in which % _ and \\ stand for themselves."""
    return "%" + _LIKE_SPECIAL.sub(r"\\\g<0>", text) + "%"


def _joined(word: str, parts: Sequence[Condition], reach_of: Any) -> Condition:
    sql = word.join(f"({part.sql})" for part in parts)
    params = tuple(param for part in parts for param in part.params)
    return Condition(sql, params, reach_of([part.reach for part in parts]))


def _reach_of_all(reaches: Iterable[Reach]) -> Reach:
    """Of terms that must all hold one lookup is enough."""
    result = set(reaches)
    return next((each for each in (Reach.LOOKUP, Reach.TRIGRAM, Reach.SCAN) if each in result), Reach.COLUMN)


def _reach_of_any(reaches: Iterable[Reach]) -> Reach:
    """Of terms of which one must hold all have to be found in the same way."""
    different = set(reaches)
    if different == {Reach.LOOKUP, Reach.TRIGRAM}:
        return Reach.TRIGRAM
    return different.pop() if len(different) == 1 else Reach.SCAN


def _unknown(column: str, word: str, names: list[str]) -> str:
    near = closest(word, names)
    guess = f" Did you mean {near}?" if near else ""
    return f"No {column} is called “{word[:60]}”.{guess}"
