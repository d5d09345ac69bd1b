"""What a search says about level, service and environment at its top: it decides which b-trees are walked, and the
facets count what lies beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from logs.search.conditions import Condition
from logs.search.fields import LEVELS, column_of
from logs.search.operators import Exists
from logs.search.tree import Field, Node, Not, conjunction, terms
from services.scopes import Scope, Scopes

T = TypeVar("T")
_RARE = {"warn", "error"}  # usually a small part of all logs, so their b-tree beats the one of a service
_MOST_WALKS = 16


@dataclass(frozen=True, slots=True)
class ColumnFilter:
    """Which levels, services and environments a search leaves; all of them when it says nothing."""

    levels: frozenset[str]
    services: frozenset[UUID]
    environments: frozenset[UUID]

    def holds(self, scope: Scope) -> bool:
        """Return whether logs of this scope pass."""
        return scope.service_id in self.services and scope.environment_id in self.environments

    def admits(self, level: str, scope: Scope, *, besides: str = "") -> bool:
        """Return whether a log of this level and scope passes, not asking about the facet named by `besides`."""
        return (
            (besides == "level" or level in self.levels)
            and (besides == "service" or scope.service_id in self.services)
            and (besides == "environment" or scope.environment_id in self.environments)
        )


@dataclass(frozen=True, slots=True)
class Split:
    """A search as its column terms at the top, and the rest."""

    columns: ColumnFilter
    column_terms: tuple[Node, ...]
    rest: Node

    def walks(self, scopes: Scopes, rest: Condition) -> list[Condition]:
        """Return the search as conditions that exclude each other and that each follow one b-tree; `rest` is compiled.

        None at all means that nothing can match.
        """
        levels = [level for level in LEVELS if level in self.columns.levels]
        admitted = [s for s in scopes.all if self.columns.holds(s)]
        is_any_scope = len(admitted) == len(scopes.all)
        if not levels or (scopes.all and not admitted):
            return []
        by_level = [] if len(levels) == len(LEVELS) else levels
        by_scope = [] if is_any_scope else admitted
        if by_level and (is_any_scope or set(levels) <= _RARE):
            among = _any_of("environment_id", [s.environment_id for s in by_scope], "uuid")
            return [all_of(Condition("level = %s", (level,)), among, rest) for level in by_level]
        among = _any_of("level", by_level, "text")
        if by_scope and len(by_scope) <= _MOST_WALKS:
            return [all_of(_of_scope(scope), among, rest) for scope in by_scope]
        return [all_of(among, _any_of("environment_id", [s.environment_id for s in by_scope], "uuid"), rest)]

    def gathered(self, scopes: Scopes, rest: Condition) -> list[Condition]:
        """Return the search as one condition, for an index that finds what `rest` says."""
        walks = self.walks(scopes, Condition())
        if not walks:
            return []
        if not any(walk.sql for walk in walks):
            return [rest]
        either = " OR ".join(f"({walk.sql})" for walk in walks)
        return [all_of(Condition(either, tuple(p for walk in walks for p in walk.params)), rest)]


def _of_scope(scope: Scope) -> Condition:
    return Condition("service_id = %s AND environment_id = %s", (scope.service_id, scope.environment_id))


def _any_of(column: str, values: Sequence[object], kind: str) -> Condition:
    return Condition(f"{column} = ANY(%s::{kind}[])", (list(values),)) if values else Condition()


def all_of(*conditions: Condition) -> Condition:
    """Join conditions by AND; how they are reached is said by the last."""
    said = [condition for condition in conditions if condition.sql]
    sql = " AND ".join(f"({condition.sql})" for condition in said)
    return Condition(sql, tuple(p for c in said for p in c.params), conditions[-1].reach)


def split(node: Node, scopes: Scopes) -> Split:
    """Take the terms about columns out of `node`."""
    column_terms, rest = [], []
    levels = set(LEVELS)
    services = {scope.service_id for scope in scopes.all}
    environments = {scope.environment_id for scope in scopes.all}
    for term in terms(node):
        named = _column_term(term)
        if not named:
            rest.append(term)
            continue
        column_terms.append(term)
        column, field, is_wanted = named
        if column == "level":
            _narrow(levels, field.levels(), is_wanted)
        elif column == "service" and (words := field.scope_words(scopes.services())) is not None:
            _narrow(services, scopes.service_ids(words), is_wanted)
        elif column == "environment" and (words := field.scope_words(scopes.environments())) is not None:
            _narrow(environments, scopes.environment_ids(words), is_wanted)
    columns = ColumnFilter(frozenset(levels), frozenset(services), frozenset(environments))
    return Split(columns, tuple(column_terms), conjunction(rest))


def _column_term(term: Node) -> tuple[str, Field, bool] | None:
    field = term.node if isinstance(term, Not) else term
    if not isinstance(field, Field):
        return None
    column = column_of(field.key)
    if column not in ("level", "service", "environment"):
        return None
    if isinstance(field, Exists) and isinstance(term, Not):  # nothing is without one
        return None
    return column, field, field is term


def _narrow(left: set[T], named: Iterable[T], is_wanted: bool) -> None:
    if is_wanted:
        left.intersection_update(named)
    else:
        left.difference_update(named)
