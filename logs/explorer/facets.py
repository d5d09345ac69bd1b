"""The left rail: what service, environment, level and the JSON may be, how many logs each, and how to choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from logs.explorer.state import ExplorerState
from logs.search.fields import LEVELS, key_for_json
from logs.search.flat_fields import FlatField, flat_fields
from logs.search.histogram import Counts
from logs.search.operators import Exists
from logs.search.page import Search
from logs.search.rewrite import with_choice, with_term
from logs.search.rows import LogRow
from logs.search.tree import Everything, Node, Not
from services.scopes import Scope

_OPTIONS_SHOWN, _KEYS_SHOWN, _VALUES_SHOWN = 12, 12, 5
_FIELDS_COUNTED = 200  # of a row
_LONGEST_VALUE = 60  # characters of a value that the rail offers


@dataclass(frozen=True, slots=True)
class Option:
    """A value to choose. `count` is None when no one counted it."""

    label: str
    count: int | None
    is_chosen: bool
    only_url: str
    toggle_url: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """A list of values of one name."""

    title: str
    options: tuple[Option, ...]
    clear_url: str = ""
    others: tuple[Option, ...] = ()  # of many values those with the fewest logs


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A key of the JSON, in how many of the counted rows, and its commonest values.

    Of a value: its text, how many, the links to only that and to all without it.
    """

    key: str
    count: int
    exists_url: str
    column_url: str
    values: tuple[tuple[str, int, str, str], ...]


def column_facets(explorer: ExplorerState, search: Search, counts: Counts) -> list[Facet]:
    """Return the facets of the three columns; a search of columns alone also counts what lies beside each choice."""
    columns, scopes = search.split.columns, search.scopes
    by_environment = scopes.by_environment()
    is_whole = not search.rest.sql

    def counted(besides: str, name_of: Callable[[str, Scope], str]) -> Counter[str]:
        result: Counter[str] = Counter()
        for (environment_id, level), number in counts.groups.items():
            scope = by_environment.get(environment_id)
            if scope and (not is_whole or columns.admits(level, scope, besides=besides)):
                result[name_of(level, scope)] += number
        return result

    admitted = [s for s in scopes.all if s.service_id in columns.services]
    services = {s.service for s in admitted} if len(columns.services) < len(scopes.services()) else set()
    inside = [s for s in scopes.all if s.environment_id in columns.environments]
    environments = {s.environment for s in inside} if len(inside) < len(scopes.all) else set()
    levels = set(columns.levels) if len(columns.levels) < len(LEVELS) else set()
    return [
        _facet(explorer, "Level", "level", LEVELS[::-1], levels, counted("level", lambda level, _: level)),
        _facet(explorer, "Service", "service", scopes.services(), services, counted("service", _service_name)),
        _facet(explorer, "Environment", "env", scopes.environments(), environments,
               counted("environment", _environment_name)),
    ]  # fmt: skip


def _service_name(_: str, scope: Scope) -> str:
    return scope.service


def _environment_name(_: str, scope: Scope) -> str:
    return scope.environment


def _facet(
    explorer: ExplorerState, title: str, key: str, names: Iterable[str], chosen: set[str], counted: Counter[str]
) -> Facet:
    node = explorer.node or Everything()
    names = list(names)

    def url(values: Iterable[str]) -> str:
        wanted = set(values)
        return explorer.with_query(with_choice(node, key, [name for name in names if name in wanted]))

    options = tuple(
        Option(
            label=name,
            count=counted[name],
            is_chosen=name in chosen,
            only_url=url([] if chosen == {name} else [name]),
            toggle_url=url(chosen ^ {name}),
            tone=name if key == "level" else "",
        )
        for name in names
    )
    if len(options) > _OPTIONS_SHOWN:
        options = tuple(sorted(options, key=lambda option: (not option.is_chosen, -(option.count or 0))))
    return Facet(title, options[:_OPTIONS_SHOWN], url([]) if chosen else "", options[_OPTIONS_SHOWN:])


def keys_seen(explorer: ExplorerState, rows: Iterable[LogRow]) -> list[KeySeen]:
    """Return the commonest keys of the JSON of these rows."""
    node = explorer.node or Everything()
    fields = [field for row in rows for field in flat_fields(row.meta, _FIELDS_COUNTED)]
    totals = Counter(field.key for field in fields)
    commonest = sorted(totals, key=lambda key: (-totals[key], key))[:_KEYS_SHOWN]
    by_value: dict[str, dict[str, list[FlatField]]] = {key: {} for key in commonest}
    for field in fields:  # only now by value: writing each costs more than all else
        if field.key in by_value:
            by_value[field.key].setdefault(field.shown, []).append(field)
    return [_key_seen(explorer, node, key, by_value[key]) for key in commonest]


def _key_seen(explorer: ExplorerState, node: Node, key: str, values: dict[str, list[FlatField]]) -> KeySeen:
    offered = []
    for shown, fields in sorted(values.items(), key=lambda item: -len(item[1])):
        term = fields[0].term
        if term and len(shown) <= _LONGEST_VALUE:
            only, without = (explorer.with_query(with_term(node, each)) for each in (term, Not(term)))
            offered.append((shown, len(fields), only, without))
        if len(offered) == _VALUES_SHOWN:
            break
    columns = [c for c in explorer.columns if c != key] if key in explorer.columns else [*explorer.columns, key]
    return KeySeen(
        key,
        sum(map(len, values.values())),
        explorer.with_query(with_term(node, Exists(key_for_json(key)))),
        explorer.with_columns(columns),
        tuple(offered),
    )
