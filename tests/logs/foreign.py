"""Bodies as clients of other protocols send them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from logs.ingest.protocols.loki import _Push

JSON = "application/json"
NOW = datetime.now(UTC).replace(microsecond=123_456) - timedelta(minutes=3)
MICROS = int(NOW.timestamp()) * 1_000_000 + NOW.microsecond
Post = Callable[..., Any]


def bulk(*lines: Any) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def push(*entries: tuple[int, bytes], labels: bytes = b'{app="shop", level="warn"}') -> bytes:
    message = _Push()
    stream = message.streams.add(labels=labels)
    for micros, line in entries:
        entry = stream.entries.add(line=line)
        entry.time.seconds, entry.time.nanos = micros // 1_000_000, micros % 1_000_000 * 1_000
    return bytes(message.SerializeToString())
