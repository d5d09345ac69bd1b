"""Texts in a block: the rule of `logs.search.text`, asked of columns instead of rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from logs.search.operators import text_of
from logs.search.text import SPACE, flat, fold, holds, spellings_of_id
from logs.storage.blocks.arrays import Mask, np
from logs.storage.blocks.block import Block
from logs.storage.blocks.documents import Column, Documents, Slot, parse_shape, parse_value
from logs.storage.blocks.texts import is_in

_RUN = re.compile(r"[!#-\[\]-~]+")  # what stands in JSON's text as it is
_KNOWN_BYTES = 4_000  # of a shape whose texts are remembered: a tenant may send larger ones
_OF_INTS = b"-0123456789"
_BEGINNINGS = (b'"', *(b"%c" % code for code in _OF_INTS))  # of texts and numbers


class Word:
    """A text that is looked for in a block."""

    def __init__(self, text: str) -> None:
        self.text, self._is_ascii = text, text.isascii()
        self._flat, self._fold = flat(text).encode(), fold(text).encode()
        self._plain = self._flat if _RUN.fullmatch(text) else None  # what JSON has as it is, in one reading
        self._runs = [run.encode() for run in _RUN.findall(flat(text))] if self._is_ascii else []
        self._may_be_in_ints = all(run.strip(_OF_INTS) == b"" for run in self._runs)
        self._ids = spellings_of_id(text)

    def mask(self, block: Block) -> Mask:
        """Return which logs hold it: in the message, in a value of the JSON, or as their trace or request id."""
        found = self.in_messages(block)
        for look in (self._in_documents, self._as_id):
            if not found.all():
                look(block, found)
        return found

    def in_messages(self, block: Block) -> Mask:
        """Return which messages hold it."""
        found = (block.lower if self._is_ascii else block.flat).holding(self._flat)
        if self._fold.strip() and self._differs(block):
            found |= block.folded.holding(self._fold)
        return found

    def _differs(self, block: Block) -> bool:
        """Return whether the fold reading of messages may hold it where the flat one does not."""
        if b"\x1b" in block.text or (not self._is_ascii and not block.text.isascii()):
            return True
        spaced = SPACE.sub(" ", self.text)
        return spaced != self.text or (" " in self.text and block.has_odd_spaces)

    def _as_id(self, block: Block, found: Mask) -> None:
        """Add to what is found the logs whose trace or request id it is."""
        wanted = frozenset(self._ids)
        for name in ("trace", "request") if wanted else ():
            if block.may_have_ids(name, self._ids):
                found |= np.fromiter((each in wanted for each in block.ids_of(name)), bool, block.count)

    def _in_documents(self, block: Block, found: Mask) -> None:
        """Add to what is found the logs in whose JSON a value holds it."""
        documents = block.documents
        if not self._may_be_among(documents):
            return
        for shape, text in enumerate(documents.shapes):
            if any(holds(each, self.text, has_colours=False) for each in _constants(text)):
                found[documents.rows(shape)] = True
        for shape, slot in documents.columns_with(self._runs, has_ints=self._may_be_in_ints):
            rows = documents.rows(shape)
            if not found[rows].all():
                found[rows] |= self.in_column(documents.column(shape, slot))

    def in_column(self, column: Column) -> Mask:
        """Return which values of a column hold it."""
        if not self.may_be_in(column):
            return np.zeros(column.count, bool)
        if not self._runs:
            return column.mask(self._is_in)
        found = column.lower.holding(self._runs[0])
        if self._plain is None or not column.is_scalar or b"\\" in column.joined:
            texts = column.texts if column.entries is None else column.entries
            places = np.flatnonzero(found).tolist()
            found[places] = [self._is_in(texts[place]) for place in places]
        return found if column.places is None else found[column.places]

    def may_be_in(self, column: Column) -> bool:
        """Return whether a value of a column may hold it, without looking at each."""
        if column.ints is not None:
            return self._may_be_in_ints
        return all(is_in(run, column.lower.text) for run in self._runs)

    def _may_be_among(self, documents: Documents) -> bool:
        return all(is_in(run, documents.lower) for run in self._runs if run.strip(_OF_INTS))

    def _is_in(self, raw: bytes) -> bool:
        """Return whether a value, or what stands in a list or a whole document, holds it."""
        if self._plain is not None and raw[:1] in _BEGINNINGS and raw.isascii() and b"\\" not in raw:
            return self._plain in raw.lower()
        if raw[:1] == b'"' and b"\\" not in raw:
            return holds(raw[1:-1].decode(), self.text, has_colours=False)
        return any(holds(each, self.text, has_colours=False) for each in texts_in(parse_value(raw)))


word_of = lru_cache(maxsize=64)(Word)  # a query's for all blocks that it opens


def _constants(shape: bytes) -> tuple[str, ...]:
    return _known_constants(shape) if len(shape) <= _KNOWN_BYTES else _texts_of(shape)


def _texts_of(shape: bytes) -> tuple[str, ...]:
    return tuple(texts_in(parse_shape(shape)))


_known_constants = lru_cache(maxsize=2048)(_texts_of)


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text and number of a value of JSON, at any depth."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)
    elif not isinstance(value, Slot) and (text := text_of(value)) is not None:
        yield text


def messages(block: Block, test: Callable[[str], bool]) -> Mask:
    """Return of which messages the test holds."""
    return np.fromiter((test(message.decode()) for message in block.messages), bool, block.count)
