"""Help when nothing was found: when the services last logged, the nearest match, what each filter costs, and a field
whose name was probably meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeGuard

from logs.explorer import time_range
from logs.explorer.state import LONGEST_LINK, ExplorerState
from logs.search import queries
from logs.search.fields import column_of, json_key, key_for_json
from logs.search.flat_fields import flat_fields
from logs.search.operators import Exists
from logs.search.page import Search, newest_page, prepare
from logs.search.printer import print_query
from logs.search.rewrite import without_term
from logs.search.rows import LogRow
from logs.search.session import SearchSession
from logs.search.slices import Window
from logs.search.spelling import closest
from logs.search.text import SPACE
from logs.search.tree import And, Field, Node, Not, Or, Text, conjunction, leaves, terms
from pulseops.core.db.statement_timeout import QueryTimeoutError
from pulseops.core.ui import times
from services.scopes import Scope

_FIRST = timedelta(hours=1)  # that is searched for the nearest match
_MOST_TERMS, _MOST_COUNTED = 6, 1_000
_SECONDS_EACH = 0.1
AROUND = timedelta(minutes=15)
WORDS_ARE_IN = "its message, the texts and numbers of its JSON, and as the whole trace or request id"
_NAMED = 3  # names of services that a sentence has
_ROWS_SAMPLED, _FIELDS_SAMPLED = 200, 200  # newest rows, and fields of each, that are taken for those that there are


@dataclass(frozen=True, slots=True)
class TermImpact:
    """How many logs there would be without one term; `count` None when that took too long to tell."""

    term: str
    count: int | None
    url: str

    @property
    def is_most(self) -> bool:
        """Whether there are at least that many."""
        return self.count == _MOST_COUNTED


@dataclass(frozen=True, slots=True)
class KeySuggestion:
    """A field that the newest rows do not have, and the one of theirs that was probably meant."""

    key: str
    meant: str
    url: str
    is_name: bool = False  # the word is the name of a field


@dataclass(frozen=True, slots=True)
class NoResults:
    """`last_logged_at` is of the services and environments asked for, which `scope` names, if `is_last_known`.

    `nearest_at` is of a match outside the range; None when there is none as far as could be looked: `is_nowhere` when
    that was all the time of which logs are kept.
    """

    has_logs: bool
    has_services: bool = True
    scope: str = ""
    is_last_known: bool = False
    last_logged_at: datetime | None = None
    last_url: str = ""
    nearest_at: datetime | None = None
    nearest_url: str = ""
    is_nowhere: bool = False
    looked_in: str = ""  # the parts of a log in which its words were looked for
    costs: Sequence[TermImpact] = ()
    guesses: Sequence[KeySuggestion] = ()


def help_for(session: SearchSession, search: Search, explorer: ExplorerState) -> NoResults:
    """Find out, within a few tenths of a second."""
    oldest = queries.oldest_at(session, search.org_id)
    if oldest is None:
        return NoResults(has_logs=False, has_services=bool(search.scopes.all))
    held = [scope for scope in search.scopes.all if search.split.columns.holds(scope)]
    last, is_last_known = _last_logged_at(session, search, explorer, held)
    is_of_scopes = search.node == _scope_of(search.node)  # then whatever they logged last is a match, and the nearest
    nearest, is_nowhere = (last, False) if last and is_of_scopes else _nearest(session, search, explorer, oldest)
    return NoResults(
        has_logs=True,
        scope=_scope_words(held, search.scopes.all),
        is_last_known=is_last_known,
        last_logged_at=last,
        last_url=_around(explorer, last, _scope_of(search.node)),
        nearest_at=nearest,
        nearest_url=_around(explorer, nearest, search.node),
        is_nowhere=is_nowhere,
        looked_in=_looked_in(search.node),
        costs=_costs(session, search, explorer),
        guesses=_guesses(session, search, explorer, oldest),
    )


def _last_logged_at(
    session: SearchSession, search: Search, explorer: ExplorerState, held: Sequence[Scope]
) -> tuple[datetime | None, bool]:
    """Return when one of the scopes last logged, and whether that is known: no one has the name, or time was up."""
    if not held:
        return None, False
    ids = None if len(held) == len(search.scopes.all) else [(s.service_id, s.environment_id) for s in held]
    try:
        return queries.last_logged_at(session, search.org_id, ids, before=explorer.range.window.end), True
    except QueryTimeoutError:
        return None, False


def _scope_words(held: Sequence[Scope], all_: Sequence[Scope]) -> str:
    """Name the services and environments that are asked for: "api", "api in production", "production"."""
    services = _names(held, all_, lambda scope: scope.service)
    environments = _names(held, all_, lambda scope: scope.environment)
    if services and environments:
        return f"{services} in {environments}"
    return services or environments


def _names(held: Iterable[Scope], all_: Iterable[Scope], name_of: Callable[[Scope], str]) -> str:
    names = list(dict.fromkeys(map(name_of, held)))
    return "" if set(names) == set(map(name_of, all_)) or len(names) > _NAMED else " and ".join(names)


def _nearest(
    session: SearchSession, search: Search, explorer: ExplorerState, oldest: datetime
) -> tuple[datetime | None, bool]:
    """Return the newest match before the range, else the newest after it; and whether there is none for certain.

    `oldest` is the time of the first log of all.
    """
    window = explorer.range.window
    outside = [Window(oldest, window.start)] if oldest < window.start else []
    if not explorer.range.is_open:
        outside.append(Window(window.end, max(explorer.now + time_range.AHEAD, window.end)))
    is_nowhere = True
    for each in outside:
        result = newest_page(session, search, each, now=explorer.now, seconds=_SECONDS_EACH * 3, first=_FIRST, limit=1)
        if result.rows:
            return result.rows[0].ts, False
        is_nowhere = is_nowhere and result.searched_to is None
    return None, is_nowhere


def _costs(session: SearchSession, search: Search, explorer: ExplorerState) -> list[TermImpact]:
    result = terms(search.node)
    costs = []
    for term in result[:_MOST_TERMS]:
        node = without_term(search.node, term)
        without = prepare(search.org_id, node, search.scopes)
        count = queries.matches_up_to(
            session, without, explorer.range.window, most=_MOST_COUNTED, seconds=_SECONDS_EACH
        )
        costs.append(TermImpact(print_query(term), count, explorer.with_query(node)))
    return costs


def _guesses(session: SearchSession, search: Search, explorer: ExplorerState, oldest: datetime) -> list[KeySuggestion]:
    found = [leaf for leaf, wanted in leaves(search.node) if wanted]
    asked = [leaf for leaf in found if _is_json(leaf)][:_MOST_TERMS]
    names = [leaf for leaf in found if isinstance(leaf, Text) and not SPACE.search(leaf.text)][:_MOST_TERMS]
    if not asked and not names:
        return []
    rows = _newest(session, search, explorer, oldest)
    known = list(dict.fromkeys(field.key for row in rows for field in flat_fields(row.meta, _FIELDS_SAMPLED)))
    guesses = []
    for leaf in asked:
        meant = _meant(json_key(leaf.key), known)
        if meant:
            node = _replaced(search.node, leaf, leaf.renamed(key_for_json(meant)))
            guesses.append(KeySuggestion(leaf.key, meant, explorer.with_query(node)))
    guesses += [_named(search.node, leaf, known, explorer) for leaf in names if leaf.text in known]
    return guesses if all(len(each.url) <= LONGEST_LINK for each in guesses) else guesses[:1]  # each has the query


def _named(node: Node, leaf: Text, known: Sequence[str], explorer: ExplorerState) -> KeySuggestion:
    """Offer the logs that have the field of which a word is the name."""
    exists = Exists(key_for_json(leaf.text))
    return KeySuggestion(
        leaf.text, print_query(exists), explorer.with_query(_replaced(node, leaf, exists)), is_name=True
    )


def _looked_in(node: Node) -> str:
    """Say in what of each log the query's words were looked for; empty if it has none."""
    return WORDS_ARE_IN if any(isinstance(leaf, Text) for leaf, wanted in leaves(node) if wanted) else ""


def _is_json(leaf: Node) -> TypeGuard[Field]:
    return isinstance(leaf, Field) and column_of(leaf.key) is None


def _newest(session: SearchSession, search: Search, explorer: ExplorerState, oldest: datetime) -> Sequence[LogRow]:
    """Return the newest rows of the services and environments asked for, whatever else the query says."""
    wider = prepare(search.org_id, _scope_of(search.node), search.scopes)
    window = Window(min(oldest, explorer.range.window.start), explorer.range.window.end)
    result = newest_page(session, wider, window, now=explorer.now, seconds=_SECONDS_EACH, limit=_ROWS_SAMPLED)
    return result.rows


def _scope_of(node: Node) -> Node:
    """Return what `node` says of services and environments, without the rest."""
    return conjunction(term for term in terms(node) if _is_scope(term.node if isinstance(term, Not) else term))


def _is_scope(term: Node) -> bool:
    return isinstance(term, Field) and term.choices is not None and column_of(term.key) in ("service", "environment")


def _meant(key: str, known: Sequence[str]) -> str | None:
    """Return the known key that `key` probably means: `status` or `statuss` for `http.status`."""
    if not known or key in known or any(each.startswith(f"{key}.") for each in known):
        return None
    ends = [each for each in known if each.lower().endswith(f".{key.lower()}") or each.lower() == key.lower()]
    near = [closest(key, known, cutoff=0.75)]
    last_parts = {each.rpartition(".")[2]: each for each in reversed(known)}  # of several the most usual
    near += [last_parts.get(closest(key, last_parts, cutoff=0.8) or "")]
    return next((each for each in [*ends, *near] if each), None)


def _replaced(node: Node, leaf: Node, other: Node) -> Node:
    """Return `node` with `other` in place of `leaf`."""
    if node == leaf:
        return other
    if isinstance(node, Not):
        return replace(node, node=_replaced(node.node, leaf, other))
    if isinstance(node, And | Or):
        return replace(node, nodes=tuple(_replaced(each, leaf, other) for each in node.nodes))
    return node


def _around(explorer: ExplorerState, moment: datetime | None, node: Node) -> str:
    """Return the page of `node` in the minutes around `moment`."""
    if moment is None:
        return ""
    since, until = times.to_url(moment - AROUND), times.to_url(moment + AROUND)
    return explorer.url(q=print_query(node), since=since, to=until)
