"""Logs of one environment to a block, to the bit; `block` reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from logs.search.text import flat, fold
from logs.storage.blocks.arrays import Bytes, Ints, Places, np
from logs.storage.blocks.documents import Documents
from logs.storage.blocks.json_packing import pack_documents
from logs.storage.blocks.packing import pack_ints, pack_section, pack_steps
from logs.storage.blocks.ranges import Ranges, ranges_of
from logs.storage.blocks.signatures import TextSignatures, id_signature, text_signatures
from logs.storage.blocks.summaries import summary_of
from logs.storage.blocks.texts import pack_ids, pack_messages

LEVELS = ("debug", "info", "warn", "error")  # by their number in a block
_AS_SPACES = bytes(32 if code in b"\t\n\v\f\r" else code for code in range(256))
_ESCAPE, _ESCAPED = re.compile(r"\\(.)"), {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}
MAX_LOGS = 4_000  # of a block


@dataclass(frozen=True, slots=True)
class Rows:
    """Logs column by column, sorted by `ts` and `ids`. Times are µs since 1970; `metas` are texts of JSON or None."""

    ts: Ints
    received: Ints
    ids: Ints
    levels: Bytes
    messages: Sequence[str]
    metas: Sequence[str | None]
    traces: Sequence[str | None]
    requests: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.ts)

    def chosen(self, places: Places) -> Rows:
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
    """The parts of a block that are columns of `log_blocks`.

    The signatures and `ranges` tell what it has not, `summary` what it has all in all.
    """

    narrow: bytes
    message: bytes
    meta: bytes
    trace: bytes
    request: bytes
    texts: TextSignatures
    id_sig: bytes
    ranges: Ranges | None
    summary: bytes


def encode(rows: Rows) -> Sections:
    """Make a block of 1 to MAX_LOGS logs; raises TooLargeError."""
    assert 0 < len(rows) <= MAX_LOGS
    metas = [meta or "" for meta in rows.metas]
    messages = "\0".join(rows.messages)
    meta, grams = pack_documents(metas)
    read = Documents(meta, len(rows))
    signed = text_signatures([*readings(messages, messages), *readings(grams, unescaped(grams))])
    return Sections(
        narrow=_pack_narrow(rows),
        message=pack_messages(rows.messages),
        meta=meta,
        trace=pack_ids(rows.traces),
        request=pack_ids(rows.requests),
        texts=signed,
        id_sig=id_signature([*rows.traces, *rows.requests]),
        ranges=ranges_of(read),
        summary=summary_of(read),
    )


def readings(text: str, unescaped: str) -> list[bytes]:
    """Return the two readings of texts by which a search finds them: see `logs.search.text`."""
    once, twice = flat(text).encode(), folded(unescaped)
    return [once] if once == twice else [once, twice]


def folded(text: str) -> bytes:
    """Return the fold reading of joined texts, quickly where it is but spaces that it changes."""
    if not text.isascii() or "\x1b" in text:
        return fold(text).encode()
    folded = text.lower().encode().translate(_AS_SPACES)
    while b"  " in folded:
        folded = folded.replace(b"  ", b" ")
    return folded


def unescaped(documents: str) -> str:
    """Return JSON with what is escaped in its texts as those have it, as far as a reading shows the difference."""
    if "\\" not in documents:
        return documents
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), documents)


def _pack_narrow(rows: Rows) -> bytes:
    delay = (rows.received.view(np.uint64) - rows.ts.view(np.uint64)).view(np.int64)
    columns = [pack_steps(rows.ts), pack_steps(rows.ids), pack_ints(rows.levels.astype(np.int64)), pack_ints(delay)]
    return pack_section(b"".join(columns))
