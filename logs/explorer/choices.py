"""What the page's buttons ask for: each names a change of the page, and the answer is the page's new address.

A page has hundreds of them; as links each would repeat the whole query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.http import QueryDict

from accounts.models import Org
from logs.explorer.state import PARAMETERS, ExplorerState
from logs.search.fields import LEVELS
from logs.search.page import Search, prepare
from logs.search.rewrite import with_choice, without_term
from logs.search.tree import Everything, terms
from pulseops.core.web.numbers import whole_number
from services.scopes import Scopes

ONLY, ALSO, FREE, ADD, DROP, SET = "only", "also", "free", "add", "drop", "set"


@dataclass(frozen=True, slots=True)
class Choice:
    """The values that one of the three columns has, and those that the query chooses; none where that is all."""

    title: str
    key: str
    names: Sequence[str]
    chosen: frozenset[str]

    def switched(self, name: str, *, is_also: bool) -> frozenset[str]:
        """Return what is chosen after a click: on `name` alone, or on the box beside it."""
        if is_also:
            return self.chosen ^ {name}
        return frozenset() if self.chosen == {name} else frozenset({name})

    def url(self, explorer: ExplorerState, wanted: frozenset[str]) -> str:
        """Return the page with these values chosen; with none it is free."""
        names = [name for name in self.names if name in wanted]
        return explorer.with_query(with_choice(explorer.node or Everything(), self.key, names))


def choices_of(search: Search) -> list[Choice]:
    """Return what of level, service and environment `search` chooses."""
    columns, scopes = search.split.columns, search.scopes
    admitted = [s for s in scopes.all if s.service_id in columns.services]
    services = {s.service for s in admitted} if len(columns.services) < len(scopes.services()) else set()
    inside = [s for s in scopes.all if s.environment_id in columns.environments]
    environments = {s.environment for s in inside} if len(inside) < len(scopes.all) else set()
    levels = set(columns.levels) if len(columns.levels) < len(LEVELS) else set()
    return [
        Choice("Level", "level", LEVELS[::-1], frozenset(levels)),
        Choice("Service", "service", list(scopes.services()), frozenset(services)),
        Choice("Environment", "env", list(scopes.environments()), frozenset(environments)),
    ]


def changed_url(org: Org, explorer: ExplorerState, scopes: Scopes, given: QueryDict) -> str:
    """Return the address of the page after the change that the address asks for, empty if it asks for none.

    `set` has parameters as a query string does, empty where there is to be none; `add` is a query that is to hold as
    well, `drop` the number of a term that is not to; `only` and `also` are a column's key and a value, as in
    "level:error"; `free` is a key alone.
    """
    if SET in given:
        typed = {"q": explorer.q} if explorer.node is None else {}  # which has a mistake, and nothing else is shown
        said = parse_qsl(given.get(SET, ""), keep_blank_values=True)
        return explorer.url(**typed | {name: value for name, value in said if name in PARAMETERS})
    if added := given.get(ADD):
        return explorer.with_added(added)
    if DROP in given:
        return _without(explorer, whole_number(given.get(DROP, "")))
    name = next((name for name in (ONLY, ALSO, FREE) if given.get(name)), "")
    if not name:
        return ""
    key, _, value = given.get(name, "").partition(":")
    choices = choices_of(prepare(org.pk, explorer.node or Everything(), scopes))
    choice = next((each for each in choices if each.key == key and (name == FREE or value in each.names)), None)
    if choice is None:
        return explorer.url()
    return choice.url(explorer, frozenset() if name == FREE else choice.switched(value, is_also=name == ALSO))


def with_changes(given: QueryDict) -> QueryDict:
    """Return the parameters of a page with those that `set` changes."""
    result = given.copy()
    for name, value in parse_qsl(given.get(SET, ""), keep_blank_values=True):
        result[name] = value
    return result


def _without(explorer: ExplorerState, number: int | None) -> str:
    node = explorer.node or Everything()
    found = terms(node)
    if number is None or number >= len(found):
        return explorer.url()
    return explorer.with_query(without_term(node, found[number]))
