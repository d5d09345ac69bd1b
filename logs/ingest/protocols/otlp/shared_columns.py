"""What OTLP's two encodings share where records are read column by column, some hundred at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import add
from typing import TypeVar

from logs.ingest.columns import Batch, Columns
from logs.ingest.protocols.otlp.mapping import LEVELS, severity_member

AT_ONCE, FEWER = 512, 64  # records; so many fewer from where one is unusual, which costs all that it is read with
WORTH_COLUMNS = 8  # records; of fewer, columns cost more than they save
Number = TypeVar("Number")
Record = TypeVar("Record")


def parts_of(
    records: Sequence[Record],
    columns: Callable[[Sequence[Record]], Columns | None] | None,
    rows: Callable[[Sequence[Record]], Batch],
) -> Iterator[Batch]:
    """Read records by `columns`, which gives None where one of them is unusual: these are read by `rows`."""
    most, start = AT_ONCE, 0
    while start < len(records):
        some = records[start : start + most]
        made = columns(some) if columns else None
        if made is None and columns and len(some) > FEWER:
            most = FEWER
            continue
        yield Batch(made) if made else rows(some)
        start += len(some)


def levels_of(
    numbers: Sequence[Number], names: Sequence[str | None], exactly: Callable[[Number], int]
) -> tuple[list[str], list[str] | None] | None:
    """Return the stored level of each record, and what goes into its meta because it says more than that level (None
    where no record's does); None for all when a number, as `exactly` reads it, is none of OTLP's."""
    stored, said = dict[Number, str](), dict[tuple[Number, str | None], str]()
    for number, name in set(zip(numbers, names, strict=True)):
        exact = exactly(number)
        level = LEVELS[exact] if 0 < exact < len(LEVELS) else None
        if level is None:
            return None
        stored[number] = level
        said[number, name] = (severity_member(exact, name or "", level) or b"").decode()
    members = list(map(said.__getitem__, zip(numbers, names, strict=True))) if any(said.values()) else None
    return list(map(stored.__getitem__, numbers)), members


def tails_of(
    said: Sequence[str] | None,
    span_ids: Sequence[str | None],
    dropped: Sequence[int | None],
    flags: Sequence[int | None],
) -> list[str] | None:
    """Return the members that come after the attributes, each after a comma; None when no record has one."""
    columns = [
        [f",{each}" if each else "" for each in said] if said else None,
        [f',"span_id":"{each}"' if each else "" for each in span_ids] if any(span_ids) else None,
        [f',"otel.dropped_attributes_count":{each}' if each else "" for each in dropped] if any(dropped) else None,
        [f',"trace_flags":{each}' if each else "" for each in flags] if any(flags) else None,
    ]
    written = [column for column in columns if column]
    return ["".join(parts) for parts in zip(*written, strict=True)] if written else None


def metas_of(opening: str, members: Sequence[str], tails: Sequence[str] | None) -> list[str]:
    """Put the members of objects, each after a comma, together in the order in which the later one of a name counts;
    `opening` is what all objects begin with, nothing is an object without members."""
    texts = [*map(add, members, tails)] if tails else members
    if opening != "{":
        return [f"{opening}{text}}}" for text in texts]
    return [f"{{{text[1:]}}}" if text else "" for text in texts]
