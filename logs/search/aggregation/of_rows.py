"""Aggregations of rows: one statement for all of them, so that rows are looked for once and in one state.

Values of a field of the JSON come by the paths that a search asks (`jsonpaths.items`), each once for a log; numbers
each as often as they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from logs.search import jsonpaths
from logs.search.aggregation.groups import Groups
from logs.search.aggregation.measures import HASHES, Measures
from logs.search.aggregation.query import Aggregation
from logs.search.conditions import Condition
from logs.search.fields import column_of, json_key
from logs.search.plans import RowRange, rows_of
from logs.storage.blocks.fields import LONGEST_VALUE
from logs.storage.blocks.numbers import Buckets, Numbers
from pulseops.core.db.statement_timeout import QueryTimeoutError
from services.scopes import Scopes

_MOST_GROUPS = 5_000  # that one statement tells apart
_MOST_CELLS = 100_000  # that it may answer with: beyond that a shorter time is looked at
_SCOPES = {"service": "service_id", "environment": "environment_id"}

# What a scalar of the JSON is as a value; lists and objects are none.
_SCALAR = f"""left(CASE jsonb_typeof(item) WHEN 'number' THEN trim_scale(item::numeric)::text
    WHEN 'string' THEN item #>> ARRAY[]::text[] WHEN 'boolean' THEN item::text WHEN 'null' THEN 'null' END,
    {LONGEST_VALUE})"""
_VALUES = f"""LEFT JOIN LATERAL (
    SELECT DISTINCT value FROM (SELECT {_SCALAR} AS value FROM {{items}} AS items (item)) AS scalars
    WHERE value IS NOT NULL
) AS {{alias}} ON true"""  # noqa: S608 - made of constants
_NUMBERS = "LEFT JOIN LATERAL {items} WITH ORDINALITY AS n (item, place) ON true"
_NUMBER = "CASE WHEN jsonb_typeof(n.item) = 'number' THEN n.item::numeric END"
# The first bits of the float that is nearest to a number, as `measures.Numbers` has them; what no float can say is an
# error as such.
_BUCKET = f"""CASE WHEN jsonb_typeof(n.item) <> 'number' THEN NULL WHEN abs({_NUMBER}) < 1e-300 THEN 0
    ELSE sign({_NUMBER})::int * (('x' || left(encode(float8send(
        least(abs({_NUMBER}), 1.7976931348623157e308)::float8), 'hex'), 5))::bit(20)::int >> 2) END"""
_MEASURED = """
    SELECT {place} AS aggregation, {bar} AS bar, {value} AS value, {bucket} AS bucket, NULL::bigint AS hash,
        count(*) FILTER (WHERE {is_first}) AS logs, count({number}) AS numbers,
        sum({number}) AS total, min({number}) AS least, max({number}) AS greatest
    FROM found {joined} GROUP BY 2, 3, 4"""
_HASHED = """
    SELECT {place}, bar, value, NULL, hash, 0, 0, NULL, NULL, NULL
    FROM (
        SELECT bar, value, hash, row_number() OVER (PARTITION BY bar, value ORDER BY hash) AS number
        FROM (
            SELECT DISTINCT {bar} AS bar, {value} AS value, ('x' || left(md5({counted}), 15))::bit(60)::bigint AS hash
            FROM found {joined} WHERE {counted} IS NOT NULL
        ) AS hashes
    ) AS ordered WHERE number <= {most}"""
_TOTAL = """
    SELECT {place}, NULL, NULL, NULL, NULL, count(*), 0, NULL, NULL, NULL FROM found"""
_RANKED = """
    SELECT aggregation, bar, CASE WHEN place <= {groups} THEN value END, bucket, hash, sum(logs)::bigint,
        sum(numbers)::bigint, sum(total), min(least), max(greatest), place > {groups},
        max(group_logs)::bigint
    FROM (
        SELECT *, dense_rank() OVER (
            PARTITION BY aggregation ORDER BY value IS NOT NULL, group_logs DESC, value
        ) AS place
        FROM (SELECT *, sum(logs) OVER (PARTITION BY aggregation, value) AS group_logs FROM cells) AS sized
    ) AS ranked
    GROUP BY 1, 2, 3, 4, 5, 11 LIMIT {cells}"""


class Cell(NamedTuple):
    """One row of what the statement selects."""

    aggregation: int
    bar: datetime | None
    value: str | None
    bucket: int | None
    hash: int | None
    logs: int
    numbers: int
    total: Decimal | None
    least: Decimal | None
    greatest: Decimal | None
    is_other: bool  # of groups beyond the largest
    group_logs: int


def statement_of(aggregations: Sequence[Aggregation], span: RowRange, condition: Condition) -> tuple[str, list[Any]]:
    """Return the SQL for the cells of what is asked, of the rows of `span` that meet a condition."""
    columns = {"ts", *(_column(field) for aggregation in aggregations for field in aggregation.fields)}
    selected, params = rows_of(span, condition, ", ".join(sorted(columns)))
    parts = []
    for place, aggregation in enumerate(aggregations):
        for sql, values in _selects(place, aggregation):
            parts.append(sql)
            params += values
    parts.append(_TOTAL.format(place=len(aggregations)))
    ranked = _RANKED.format(groups=_MOST_GROUPS, cells=_MOST_CELLS + 1)
    return f"WITH found AS MATERIALIZED ({selected}), cells AS ({' UNION ALL '.join(parts)}) {ranked}", params


def _column(field: str) -> str:
    column = column_of(field)
    return "meta_json" if column is None else _SCOPES.get(column, column)


def _selects(place: int, aggregation: Aggregation) -> Iterator[tuple[str, list[Any]]]:
    """Yield the SQL for one aggregation, and the SQL for its different values."""
    bars = aggregation.bars
    bar, of_bar = ("date_bin(%s, ts, %s)", [bars.step, bars.origin]) if bars else ("NULL::timestamptz", [])
    value, joined, of_value = _values(aggregation.by, "g") if aggregation.by else ("NULL::text", "", [])
    number, bucket, is_first, numbers, of_numbers = "NULL::numeric", "NULL::int", "true", "", list[str]()
    if aggregation.of:
        items, of_numbers = _items(aggregation.of)
        number, numbers, is_first = _NUMBER, _NUMBERS.format(items=items), "coalesce(n.place, 1) = 1"
        bucket = _BUCKET if aggregation.has_quantiles else bucket
    measured = _MEASURED.format(
        place=place, bar=bar, value=value, bucket=bucket, is_first=is_first, number=number, joined=f"{joined} {numbers}"
    )
    yield measured, [*of_bar, *of_value, *of_numbers]
    if aggregation.distinct:
        counted, counted_join, of_counted = _values(aggregation.distinct, "d")
        hashed = _HASHED.format(
            place=place, bar=bar, value=value, counted=counted, joined=f"{joined} {counted_join}", most=HASHES + 1
        )
        yield hashed, [*of_bar, *of_value, *of_counted]


def _values(field: str, alias: str) -> tuple[str, str, list[str]]:
    """Return the SQL for the values of a field: what to select, what to join, and the parameters of that."""
    column = column_of(field)
    if column is not None:
        return f"left({_column(field)}::text, {LONGEST_VALUE})", "", []
    items, params = _items(field)
    return f"{alias}.value", _VALUES.format(items=items, alias=alias), params


def _items(field: str) -> tuple[str, list[str]]:
    """Return the SQL of a function of rows for all that stands under a path into the JSON, with its parameters."""
    paths = jsonpaths.items(json_key(field))
    if len(paths) == 1:
        return "jsonb_path_query(meta_json, %s::jsonpath)", paths
    arrays = " || ".join(["jsonb_path_query_array(meta_json, %s::jsonpath)"] * len(paths))
    return f"jsonb_array_elements({arrays})", paths


def add_cells(groups: Sequence[Groups], rows: Sequence[Sequence[Any]], scopes: Scopes) -> None:
    """Add what the statement selected. Raises QueryTimeoutError where it is too much."""
    if len(rows) > _MOST_CELLS:
        raise QueryTimeoutError
    names = [names_of_scopes(each.aggregation.by, scopes) for each in groups]
    errors = [0] * len(groups)
    for cell in map(Cell._make, rows):
        if cell.aggregation == len(groups):
            for each in groups:
                each.logs += cell.logs
            continue
        mine = groups[cell.aggregation]
        bar = _number_of_bar(mine.aggregation, cell.bar)
        if cell.is_other:
            errors[cell.aggregation] = max(errors[cell.aggregation], cell.group_logs)
            measures = mine.others[bar]
        else:
            value = names[cell.aggregation].get(cell.value, cell.value) if cell.value is not None else None
            measures = mine.measures(value, bar)
        measures.add(_measures(cell))
    for each, error in zip(groups, errors, strict=True):
        each.count_error += error


def _measures(cell: Cell) -> Measures:
    found = Measures(cell.logs)
    if cell.numbers and cell.total is not None:
        buckets = Buckets({cell.bucket: cell.numbers} if cell.bucket is not None else None)
        found.numbers.add(Numbers(cell.numbers, cell.total, cell.least, cell.greatest, buckets))
    if cell.hash is not None:
        found.distinct.add([cell.hash])
    return found


def _number_of_bar(aggregation: Aggregation, start: datetime | None) -> int:
    bars = aggregation.bars
    return 0 if bars is None or start is None else (start - bars.origin) // bars.step


def names_of_scopes(field: str, scopes: Scopes) -> dict[str | None, str]:
    """Return the names of services or environments by their ids as text, if `field` means these; else nothing."""
    column = column_of(field)
    if column == "service":
        return {str(scope.service_id): scope.service for scope in scopes.all}
    if column == "environment":
        return {str(scope.environment_id): scope.environment for scope in scopes.all}
    return {}
