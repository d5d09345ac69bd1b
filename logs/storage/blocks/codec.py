"""Logs of one environment to a block and back, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from logs.search.folding import fold_bytes
from logs.search.text import fold
from logs.storage.blocks.documents import Documents, pack_documents
from logs.storage.blocks.packing import (
    DamagedBlockError,
    Ints,
    Reader,
    pack_ints,
    pack_section,
    pack_steps,
    read_ints,
    read_steps,
    unpack_section,
)
from logs.storage.blocks.ranges import Ranges, ranges_of
from logs.storage.blocks.signatures import id_signature, text_signature
from logs.storage.blocks.texts import END, decoded, pack_ids, pack_messages, read_ids, read_messages

LEVELS = ("debug", "info", "warn", "error")  # by their number in a block
MAX_LOGS = 4_000  # of a block
Levels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Rows:
    """Logs column by column, sorted by `ts` and `ids`. Times are µs since 1970; `metas` are texts of JSON or None."""

    ts: Ints
    received: Ints
    ids: Ints
    levels: Levels
    messages: Sequence[str]
    metas: Sequence[str | None]
    traces: Sequence[str | None]
    requests: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.ts)

    def chosen(self, places: NDArray[np.intp]) -> Rows:
        """Return the rows at these places."""
        picked = places.tolist()
        return Rows(
            self.ts[places],
            self.received[places],
            self.ids[places],
            self.levels[places],
            [self.messages[at] for at in picked],
            [self.metas[at] for at in picked],
            [self.traces[at] for at in picked],
            [self.requests[at] for at in picked],
        )

    def merged(self, other: Rows) -> Rows:
        """Return the rows of both, sorted."""
        both = Rows(
            np.concatenate([self.ts, other.ts]),
            np.concatenate([self.received, other.received]),
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.levels, other.levels]),
            [*self.messages, *other.messages],
            [*self.metas, *other.metas],
            [*self.traces, *other.traces],
            [*self.requests, *other.requests],
        )
        return both.chosen(np.lexsort((both.ids, both.ts)))


@dataclass(frozen=True, slots=True)
class Sections:
    """The parts of a block that are columns of `log_blocks`; `text_sig`, `id_sig`, `ranges` tell what it has not."""

    narrow: bytes
    message: bytes
    meta: bytes
    trace: bytes
    request: bytes
    text_sig: bytes
    id_sig: bytes
    ranges: Ranges | None


def encode(rows: Rows) -> Sections:
    """Make a block of 1 to MAX_LOGS logs; raises TooLargeError."""
    assert 0 < len(rows) <= MAX_LOGS
    metas = [meta or "" for meta in rows.metas]
    meta = pack_documents(metas)
    texts = [_flat("\0".join(rows.messages)), _flat("\n".join(metas))]
    texts += [fold(each).encode() for each in rows.messages if "\x1b" in each]  # colours may part letters
    return Sections(
        narrow=_pack_narrow(rows),
        message=pack_messages(rows.messages),
        meta=meta,
        trace=pack_ids(rows.traces),
        request=pack_ids(rows.requests),
        text_sig=text_signature(texts),
        id_sig=id_signature([*rows.traces, *rows.requests]),
        ranges=ranges_of(Documents(meta, len(rows))),
    )


def _flat(text: str) -> bytes:
    """Return the flat reading of a text, which is what words are looked for in (logs/search/text.py)."""
    return fold_bytes(text.encode()).replace("ß".encode(), b"ss")


def _pack_narrow(rows: Rows) -> bytes:
    delay = (rows.received.view(np.uint64) - rows.ts.view(np.uint64)).view(np.int64)
    columns = [pack_steps(rows.ts), pack_steps(rows.ids), pack_ints(rows.levels.astype(np.int64)), pack_ints(delay)]
    return pack_section(b"".join(columns))


class Block:
    """A block that is being read, of `count` logs; each section is unpacked when it is asked for.

    Sections that were not fetched are None. Whatever is asked for may raise DamagedBlockError.
    """

    def __init__(self, count: int, sections: dict[str, bytes]) -> None:
        if not 0 < count <= MAX_LOGS:
            raise DamagedBlockError("a block has no logs, or more than any may have")
        self.count = count
        self._sections = sections

    @cached_property
    def _narrow(self) -> tuple[Ints, Ints, Levels, Ints]:
        reader = Reader(unpack_section(self._sections["narrow"]))
        ts, ids = read_steps(reader, self.count), read_steps(reader, self.count)
        levels, delay = read_ints(reader, self.count), read_ints(reader, self.count)
        reader.finish()
        if not 0 <= int(levels.min()) <= int(levels.max()) < len(LEVELS):
            raise DamagedBlockError("a log has a level that there is not")
        received = (ts.view(np.uint64) + delay.view(np.uint64)).view(np.int64)
        return ts, ids, levels.astype(np.uint8), received

    @property
    def ts(self) -> Ints:
        """The logs' own times, rising, in µs since 1970."""
        return self._narrow[0]

    @property
    def ids(self) -> Ints:
        """Their ids."""
        return self._narrow[1]

    @property
    def levels(self) -> Levels:
        """Their levels as places in LEVELS."""
        return self._narrow[2]

    @property
    def received(self) -> Ints:
        """When they were received, in µs since 1970."""
        return self._narrow[3]

    @cached_property
    def text(self) -> bytes:
        """All messages, with END between them."""
        return read_messages(self._sections["message"], self.count)

    @cached_property
    def folded(self) -> bytes:
        """The same in lower case."""
        try:
            return fold_bytes(self.text)
        except UnicodeDecodeError as error:
            raise DamagedBlockError("a text is not UTF-8") from error

    @cached_property
    def messages(self) -> list[bytes]:
        """The messages in UTF-8."""
        return self.text.split(END)

    @cached_property
    def documents(self) -> Documents:
        """The JSON."""
        return Documents(self._sections["meta"], self.count)

    @cached_property
    def traces(self) -> list[str | None]:
        """The trace ids."""
        return read_ids(self._sections["trace"], self.count)

    @cached_property
    def requests(self) -> list[str | None]:
        """The request ids."""
        return read_ids(self._sections["request"], self.count)

    def rows(self) -> Rows:
        """Return all logs, as `encode` was given them."""
        metas = decoded(self.documents.texts())
        return Rows(
            self.ts,
            self.received,
            self.ids,
            self.levels,
            decoded(self.messages),
            [meta or None for meta in metas],
            self.traces,
            self.requests,
        )
