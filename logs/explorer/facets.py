"""The left rail: what service, environment, level and the JSON may be, how many logs each, and how to choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from logs.explorer.choices import Choice, choices_of
from logs.explorer.state import ExplorerState
from logs.search.aggregation.groups import Aggregate
from logs.search.aggregation.query import Aggregation
from logs.search.fields import key_for_json
from logs.search.flat_fields import FlatField, beginning_of, flat_values, term_for_value
from logs.search.histogram import Counts
from logs.search.operators import Equals, Exists
from logs.search.page import Search
from logs.search.printer import print_query
from logs.search.rows import LogRow
from logs.search.tree import Not
from logs.storage.blocks.summaries import MOST_VALUES
from services.scopes import Scope

_OPTIONS_SHOWN, _KEYS_SHOWN, _VALUES_SHOWN = 12, 12, 5
_FIELDS_COUNTED = 200  # of a row
_LONGEST_VALUE = 60  # characters of a value that the rail offers
_VALUES_LOOKED_AT = 50  # the commonest of a key, of which those are offered that a term finds
Names = tuple[str, ...]
Values = Mapping[Names, list[object]]  # under one key: of a → b, and of "a.b"


@dataclass(frozen=True, slots=True)
class Option:
    """A value to choose. `count` is None when no one counted it."""

    label: str
    count: int | None
    is_chosen: bool
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """A list of values of one column, whose key the buttons say."""

    title: str
    key: str
    options: tuple[Option, ...]
    clear_url: str = ""
    others: tuple[Option, ...] = ()  # of many values those with the fewest logs

    @property
    def clear_label(self) -> str:
        """What the button says that frees the column."""
        return f"Clear {self.title}"


@dataclass(frozen=True, slots=True)
class KeySeen:
    """A key of the JSON, in how many of the counted rows, and its commonest values.

    Of a value: its text, how many, the terms for only that and for all without it. `newest` is of how many of the
    newest logs alone they were counted; 0 where of as many as those of other keys.
    """

    key: str
    count: int
    exists: str  # the term for any value
    column_url: str
    values: tuple[tuple[str, int, str, str], ...]
    newest: int = 0


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

    numbers = {
        "level": counted("level", lambda level, _: level),
        "service": counted("service", _service_name),
        "env": counted("environment", _environment_name),
    }
    return [_facet(explorer, choice, numbers[choice.key]) for choice in choices_of(search)]


def _service_name(_: str, scope: Scope) -> str:
    return scope.service


def _environment_name(_: str, scope: Scope) -> str:
    return scope.environment


def _facet(explorer: ExplorerState, choice: Choice, counted: Counter[str]) -> Facet:
    options = tuple(
        Option(name, counted[name], name in choice.chosen, name if choice.key == "level" else "")
        for name in choice.names
    )
    if len(options) > _OPTIONS_SHOWN:
        options = tuple(sorted(options, key=lambda option: (not option.is_chosen, -(option.count or 0))))
    clear_url = choice.url(explorer, frozenset()) if choice.chosen else ""
    return Facet(choice.title, choice.key, options[:_OPTIONS_SHOWN], clear_url, options[_OPTIONS_SHOWN:])


def values_by_key(rows: Iterable[LogRow]) -> dict[str, Values]:
    """Return the values under the commonest keys of the JSON of these rows, the commonest key first."""
    by_names: dict[Names, list[object]] = {}
    for row in rows:
        for names, value in flat_values(row.meta, _FIELDS_COUNTED):
            by_names.setdefault(names, []).append(value)
    by_key: dict[str, dict[Names, list[object]]] = {}
    for names, values in by_names.items():
        by_key.setdefault(".".join(names), {})[names] = values
    totals = {key: sum(map(len, values.values())) for key, values in by_key.items()}
    commonest = sorted(totals, key=lambda key: (-totals[key], key))[:_KEYS_SHOWN]
    return {key: by_key[key] for key in commonest}


def has_few(values: Values) -> bool:
    """Return whether a key has so few values in some rows that summaries of blocks count them."""
    every = (value for some in values.values() for value in some)
    return len({value if isinstance(value, str) else repr(value) for value in every}) <= MOST_VALUES


def keys_of_rows(explorer: ExplorerState, values: Mapping[str, Values]) -> list[KeySeen]:
    """Return keys of the JSON of some rows, and their commonest values there: what `values_by_key` gave."""
    keys = []
    for key, by_names in values.items():
        counts: Counter[str] = Counter()
        examples: dict[str, FlatField] = {}
        for names, each in by_names.items():
            for shown, number, value in _counted(each):
                counts[shown] += number
                examples.setdefault(shown, FlatField(names, key, value))
        offered = [(shown, number, examples[shown].term) for shown, number in counts.most_common(_VALUES_LOOKED_AT)]
        keys.append(_key_seen(explorer, key, counts.total(), offered))
    return keys


def _counted(values: Iterable[object]) -> Iterator[tuple[str, int, object]]:
    """Give each value as it is written, how often it is there, and itself: writing one takes longer than all else."""
    counts: Counter[Any] = Counter()
    for value in values:
        if isinstance(value, dict | list):
            yield beginning_of(value), 1, value
        else:
            counts[type(value), value] += 1  # True is 1 otherwise
    for (_, value), number in counts.items():
        yield beginning_of(value), number, value


def keys_of_result(explorer: ExplorerState, aggregates: Mapping[str, Aggregate]) -> list[KeySeen]:
    """Return keys of the JSON with how many logs of a result have them, and their commonest values there."""
    keys = []
    for key, found in aggregates.items():
        values = [(group.value or "", group.whole.logs) for group in found.groups]
        offered = [(text, logs, term_for_value(key, text)) for text, logs in values]
        keys.append(_key_seen(explorer, key, found.logs - found.ungrouped.whole.logs, offered))
    return sorted(keys, key=lambda key: (-key.count, key.key))


def by_values(key: str) -> Aggregation:
    """Return what counts the logs of a result by the values of a key, for `keys_of_result`."""
    return Aggregation(by=key_for_json(key), most_groups=3 * _VALUES_SHOWN)


def _key_seen(
    explorer: ExplorerState, key: str, count: int, values: Iterable[tuple[str, int, Equals | None]]
) -> KeySeen:
    offered: list[tuple[str, int, str, str]] = []
    for shown, logs, term in values:
        if term and len(shown) <= _LONGEST_VALUE:
            offered.append((shown, logs, print_query(term), print_query(Not(term))))
        if len(offered) == _VALUES_SHOWN:
            break
    columns = [c for c in explorer.columns if c != key] if key in explorer.columns else [*explorer.columns, key]
    exists = print_query(Exists(key_for_json(key)))
    return KeySeen(key, count, exists, explorer.with_columns(columns), tuple(offered))
