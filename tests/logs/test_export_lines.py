"""Lines made of a block's columns are those that its logs give one by one, to the byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.explorer.export_lines import FORMATS
from logs.storage.blocks.codec import LEVELS, encode
from logs.storage.blocks.packing import DamagedBlockError, pack_section
from logs.storage.blocks.table import EPOCH, moment_of
from tests.logs.test_block_codec import IDS, LOGS, METAS, TEXT, block_of, rows_of

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
MOMENTS = st.integers(
    (FIRST - EPOCH) // timedelta(microseconds=1), (LAST - EPOCH) // timedelta(microseconds=1)
) | st.integers(-2_208_988_800, 4_000_000_000).map(lambda seconds: seconds * 1_000_000)  # fmt: skip
NASTY = st.sampled_from(['=1+1"', "\\", '","', "\x01\x1f\x7f\u2028", "a\r\n\tb", "\ufeff\uff1dx", "🙂\b\f", "-", ""])
LOG = st.tuples(
    MOMENTS, MOMENTS, st.integers(-(2**63), 2**63 - 1), st.integers(0, 3), TEXT | NASTY, METAS, IDS | NASTY, IDS
)


@settings(max_examples=60)
@given(st.lists(LOG, min_size=1, max_size=12), TEXT | NASTY)
def test_a_block_gives_the_same_lines_at_once(logs: list[tuple[Any, ...]], service: str) -> None:
    rows = rows_of(sorted(logs, key=lambda log: (log[0], log[2])))
    names = (service, "production")
    one_by_one = [
        (id_, moment_of(ts), moment_of(received), LEVELS[level], uuid4(), message, trace, request, meta)
        for ts, received, id_, level, message, trace, request, meta in zip(
            rows.ts.tolist(), rows.received.tolist(), rows.ids.tolist(), rows.levels.tolist(),
            rows.messages, rows.traces, rows.requests, rows.metas, strict=True,
        )
    ]  # fmt: skip
    for name, form in FORMATS.items():
        block = block_of(encode(rows), len(rows))
        assert list(form.lines(block, names)) == [form.line(record, names) for record in one_by_one], name


@given(st.lists(LOGS, min_size=2, max_size=3))
def test_damage_raises_before_a_line_is_made(logs: list[tuple[Any, ...]]) -> None:
    rows = rows_of([(0, 0, *log[2:]) for log in logs])
    for message in (b"one text", b"not \xff UTF-8\0" * len(rows)):
        block = block_of(encode(rows), len(rows))
        block.add({"message": pack_section(message)})
        for form in FORMATS.values():
            with pytest.raises(DamagedBlockError):
                form.lines(block, ("api", "production"))
