"""Logs of blocks as pages have them, and their counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from logs.search.rows import ID_SHOWN, MESSAGE_SHOWN, META_SHOWN, LogDetail, LogRow
from logs.search.sealed.newest import Found
from logs.search.sealed.reader import BlockReader, Match
from logs.storage.blocks.arrays import Ints, np
from logs.storage.blocks.block import Block
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.table import microseconds_of, moment_of

Record = Sequence[Any]  # the columns of `plans.all_of`
Stored = tuple[str, str | None, str | None, str | None]  # message, JSON, trace and request id
_FEW_KEYS = 1_000  # between which they are counted in place
_MANY = 20  # one in so many of a block's logs, from which on all of them are read at once
Counted = list[tuple[datetime, UUID, str, int]]  # bar, environment, level, how many


def details_of(reader: BlockReader, found: Iterable[Found]) -> Iterator[LogDetail]:
    """Yield all that is stored of logs, in their order; what lies in a damaged block is left out."""
    logs = list(found)
    reader.complete(each.match for each in logs)
    wanted = Counter(each.match.head.id for each in logs)
    blocks = {each.match.head.id: each.match.block for each in logs}
    are_many = {id_ for id_, number in wanted.items() if is_many(number, blocks[id_])}
    for each in logs:
        block = each.match.block
        try:
            yield _detail(each, block.logs[each.place] if each.match.head.id in are_many else block.log(each.place))
        except (DamagedBlockError, UnicodeDecodeError, ValueError) as error:
            reader.note_damage(each.match.head, error)


def is_many(number: int, block: Block) -> bool:
    """Return whether so many of a block's logs are wanted that reading all of them is quicker than one by one."""
    return number * _MANY > block.count


def record_of(match: Match, place: int) -> Record:
    """Return one log as the columns of `plans.all_of`; raises DamagedBlockError."""
    block = match.block
    message, meta, trace_id, request_id = block.log(place)
    return (
        int(block.ids[place]), moment_of(block.ts[place]), moment_of(block.received[place]),
        LEVELS[block.levels[place]], match.head.environment_id, message, trace_id, request_id, meta,
    )  # fmt: skip


def _detail(found: Found, stored: Stored) -> LogDetail:
    head, block, place = found.match.head, found.match.block, found.place
    message, meta, trace_id, request_id = stored
    row = LogRow(
        found.id,
        moment_of(found.ts),
        head.service_id,  # type: ignore[arg-type]  # only legacy logs have none, and those are not shown
        head.environment_id,  # type: ignore[arg-type]
        LEVELS[block.levels[place]],
        message[:MESSAGE_SHOWN],
        len(message),
        _shown(meta),
        trace_id and trace_id[:ID_SHOWN],
        request_id and request_id[:ID_SHOWN],
    )
    return LogDetail(row, message, meta, moment_of(block.received[place]), trace_id, request_id)


def _shown(meta: str | None) -> dict[str, Any] | None:
    if meta is None or len(meta.encode()) > META_SHOWN:
        return None
    parsed = json.loads(meta)
    return parsed if isinstance(parsed, dict) else None


def counted(matches: Iterable[Match], origin: datetime, step: timedelta) -> Counted:
    """Count matches by bar of `step` from `origin` on, environment and level."""
    counts: Counter[tuple[int, UUID, int]] = Counter()
    first, width = microseconds_of(origin), step // timedelta(microseconds=1)
    for match in matches:
        bars = (match.block.ts[match.places] - first) // width * len(LEVELS)
        keys, numbers = _numbered(bars + match.block.levels[match.places])
        for key, number in zip(keys, numbers, strict=True):
            counts[key // len(LEVELS), match.head.environment_id, key % len(LEVELS)] += number  # type: ignore[index]
    return [
        (origin + bar * step, environment_id, LEVELS[level], number)
        for (bar, environment_id, level), number in counts.items()
    ]


def _numbered(keys: Ints) -> tuple[list[int], list[int]]:
    """Return which keys there are, and how often each."""
    least = int(keys.min())
    if int(keys.max()) - least >= _FEW_KEYS:
        found, numbers = np.unique(keys, return_counts=True)
        return found.tolist(), numbers.tolist()
    numbers = np.bincount(keys - least)
    found = np.flatnonzero(numbers)
    return (found + least).tolist(), numbers[found].tolist()


def merged(rows: Sequence[LogRow], sealed: Iterable[LogRow], limit: int) -> list[LogRow]:
    """Return the newest `limit` of both, each log once: one that is sealed meanwhile may be in both."""
    by_address = {row.address: row for row in (*sealed, *rows)}
    return sorted(by_address.values(), key=lambda row: row.address, reverse=True)[:limit]
