"""Logs of blocks as pages have them, and their counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import numpy as np

from logs.search.rows import ID_SHOWN, MESSAGE_SHOWN, META_SHOWN, LogDetail, LogRow
from logs.search.sealed.reader import BlockReader, Found, Match
from logs.storage.blocks.codec import LEVELS, Block
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.table import microseconds_of, moment_of

Shown = TypeVar("Shown")
Counted = list[tuple[datetime, UUID, str, int]]  # bar, environment, level, how many


def details_of(reader: BlockReader, found: Iterable[Found]) -> Iterator[LogDetail]:
    """Yield all that is stored of logs, in their order; what lies in a damaged block is left out."""
    return _of_blocks(reader, found, _detail)


def records_of(reader: BlockReader, found: Iterable[Found]) -> Iterator[Sequence[Any]]:
    """Yield the same as the columns of `plans.all_of`, which an export writes."""
    return _of_blocks(reader, found, _record)


def _of_blocks(reader: BlockReader, found: Iterable[Found], show: Callable[[Found, Block], Shown]) -> Iterator[Shown]:
    logs = list(found)
    blocks = reader.whole(each.match for each in logs)
    for each in logs:
        head = each.match.head
        try:
            yield show(each, blocks[head.id])
        except (DamagedBlockError, UnicodeDecodeError, ValueError) as error:
            reader.note_damage(head, error)


def _record(found: Found, block: Block) -> Sequence[Any]:
    place = found.place
    return (
        found.id,
        moment_of(found.ts),
        moment_of(block.received[place]),
        LEVELS[int(block.levels[place])],
        found.match.head.environment_id,
        block.messages[place].decode(),
        block.traces[place],
        block.requests[place],
        block.documents.text(place).decode() or None,
    )


def _detail(found: Found, block: Block) -> LogDetail:
    head, place = found.match.head, found.place
    message = block.messages[place].decode()
    meta = block.documents.text(place).decode() or None
    trace_id, request_id = block.traces[place], block.requests[place]
    row = LogRow(
        found.id,
        moment_of(found.ts),
        head.service_id,  # type: ignore[arg-type]  # only legacy logs have none, and those are not shown
        head.environment_id,  # type: ignore[arg-type]
        LEVELS[int(block.levels[place])],
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
        bars = (match.block.ts[match.places] - first) // width
        keys, numbers = np.unique(bars * len(LEVELS) + match.block.levels[match.places], return_counts=True)
        for key, number in zip(keys.tolist(), numbers.tolist(), strict=True):
            counts[key // len(LEVELS), match.head.environment_id, key % len(LEVELS)] += number  # type: ignore[index]
    return [
        (origin + bar * step, environment_id, LEVELS[level], number)
        for (bar, environment_id, level), number in counts.items()
    ]


def merged(rows: Sequence[LogRow], sealed: Iterable[LogRow], limit: int) -> list[LogRow]:
    """Return the newest `limit` of both, each log once: one that is sealed meanwhile may be in both."""
    by_address = {row.address: row for row in (*sealed, *rows)}
    return sorted(by_address.values(), key=lambda row: row.address, reverse=True)[:limit]
