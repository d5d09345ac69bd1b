"""A block that is being read: its columns, each unpacked when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from logs.search.text import flat
from logs.storage.blocks.arrays import Bytes, Ints, np
from logs.storage.blocks.codec import LEVELS, MAX_LOGS, Rows, folded
from logs.storage.blocks.documents import Documents
from logs.storage.blocks.packing import (
    DamagedBlockError,
    Reader,
    pieces,
    read_ints,
    read_steps,
    take_ints,
    take_steps,
    unpack_section,
)
from logs.storage.blocks.texts import END, Ids, Joined, decoded, lower_of

_ODD_SPACES = b"\t\n\v\f\r"


class Block:
    """A block that is being read, of `count` logs; each section is unpacked when it is asked for.

    Sections that were not fetched are None. Whatever is asked for may raise DamagedBlockError.
    """

    def __init__(self, count: int, sections: dict[str, Any]) -> None:
        if not 0 < count <= MAX_LOGS:
            raise DamagedBlockError("a block has no logs, or more than any may have")
        self.count = count
        self._sections = sections
        self._unpacked: dict[str, bytes] = {}
        self._known_ids: dict[str, Ids] = {}

    def holds(self, names: Iterable[str], *, is_conditional: bool = False) -> bool:
        """Return whether the sections `names` were fetched; those of ids perhaps only where a condition held."""
        return all(name in self._sections and (is_conditional or self._sections[name] is not None) for name in names)

    def add(self, sections: dict[str, bytes]) -> None:
        """Take further sections."""
        self._sections |= sections

    def narrowed(self) -> Block:
        """Return the same block without its texts, JSON and ids; times and ids of logs stay as they have been read."""
        narrow = Block(self.count, {"narrow": self._sections["narrow"]})
        narrow.ts, narrow.ids = self.ts, self.ids
        return narrow

    @cached_property
    def _narrow(self) -> tuple[Reader, Reader, Reader, Reader]:
        """Times, ids, levels and delays, none of them read yet."""
        reader = Reader(unpack_section(self._sections["narrow"]))
        steps = [take_steps(reader, self.count) for _ in range(2)]
        ints = [take_ints(reader, self.count) for _ in range(2)]
        reader.finish()
        ts, ids, levels, delays = map(Reader, (*steps, *ints))
        return ts, ids, levels, delays

    def read_narrow(self) -> None:
        """Read times, ids, levels and times of receipt, so that asking for them raises nothing any more."""
        _ = (self.ts, self.ids, self.levels, self.received)

    def read_bars(self) -> None:
        """Read times and levels alone in the same way: it is what counts by time ask for."""
        _ = (self.ts, self.levels)

    @cached_property
    def ts(self) -> Ints:
        """The logs' own times, rising, in µs since 1970."""
        return read_steps(self._narrow[0], self.count)

    @cached_property
    def ids(self) -> Ints:
        """Their ids."""
        return read_steps(self._narrow[1], self.count)

    @cached_property
    def levels(self) -> Bytes:
        """Their levels as places in LEVELS."""
        levels = read_ints(self._narrow[2], self.count)
        if not 0 <= int(levels.min()) <= int(levels.max()) < len(LEVELS):
            raise DamagedBlockError("a log has a level that there is not")
        return levels.astype(np.uint8)

    @cached_property
    def received(self) -> Ints:
        """When they were received, in µs since 1970."""
        delay = read_ints(self._narrow[3], self.count)
        return (self.ts.view(np.uint64) + delay.view(np.uint64)).view(np.int64)

    @cached_property
    def text(self) -> bytes:
        """All messages, with END between them."""
        return self._raw("message")

    @cached_property
    def lower(self) -> Joined:
        """The same for texts of ASCII to be found in: in their flat reading (logs/search/text.py)."""
        return Joined(lower_of(self.text), self.count)

    @cached_property
    def flat(self) -> Joined:
        """The same in their flat reading."""
        return self.lower if self.text.isascii() else Joined(flat(self._decoded).encode(), self.count)

    @cached_property
    def folded(self) -> Joined:
        """The same in their fold reading."""
        return Joined(folded(self._decoded), self.count)

    @cached_property
    def has_odd_spaces(self) -> bool:
        """Whether there is white space that the fold reading changes."""
        if any(space in self.text for space in _ODD_SPACES):
            return True
        spaces = np.frombuffer(self.text, np.uint8) == ord(" ")
        return bool((spaces[1:] & spaces[:-1]).any())

    @property
    def _decoded(self) -> str:
        [text] = decoded([self.text])
        return text

    @cached_property
    def messages(self) -> list[bytes]:
        """The messages in UTF-8."""
        return pieces(self.text, END, self.count)

    def checked_text(self) -> bytes:
        """Return all messages of which there are `count`, in UTF-8, with END between them."""
        decoded([self.text])
        if self.text.count(END) != self.count - 1:
            raise DamagedBlockError("a column has another length than its block")
        return self.text

    @cached_property
    def _joined(self) -> Joined:
        return Joined(self.text, self.count)

    def log(self, row: int) -> tuple[str, str | None, str | None, str | None]:
        """Return message, JSON, trace and request id of one log, without making lists of all."""
        meta = self.documents.text(row).decode()
        ids = [self._ids(name).at(row) for name in ("trace", "request")]
        return self._joined.at(row).decode(), meta or None, ids[0], ids[1]

    @cached_property
    def logs(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """The same of all logs."""
        metas = [meta or None for meta in decoded(self.documents.texts())]
        return list(zip(decoded(self.messages), metas, self.traces, self.requests, strict=True))

    @cached_property
    def documents(self) -> Documents:
        """The JSON."""
        return Documents(self._sections["meta"], self.count)

    def _ids(self, name: str) -> Ids:
        if name not in self._known_ids:
            self._known_ids[name] = Ids(self._raw(name), self.count)
        return self._known_ids[name]

    @cached_property
    def traces(self) -> list[str | None]:
        """The trace ids."""
        return self._ids("trace").all

    @cached_property
    def requests(self) -> list[str | None]:
        """The request ids."""
        return self._ids("request").all

    def ids_of(self, name: str) -> list[str | None]:
        """Return the ids of the section `name`, "trace" or "request"."""
        return self.traces if name == "trace" else self.requests

    def may_have_ids(self, name: str, ids: Sequence[str]) -> bool:
        """Return whether one of `ids` may be in the section `name`, without making a list of all.

        A section that is None was not fetched because its block's signature has none of the ids.
        """
        return self._sections[name] is not None and self._ids(name).may_hold(ids)

    def _raw(self, name: str) -> bytes:
        if name not in self._unpacked:
            self._unpacked[name] = unpack_section(self._sections[name])
        return self._unpacked[name]

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
