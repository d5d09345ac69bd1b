"""What a block's JSON has all in all, key by key, so that a sum over whole blocks opens none of them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec

from logs.storage.blocks.arrays import np
from logs.storage.blocks.documents import Documents, parse_shape
from logs.storage.blocks.fields import FieldNumbers, few_values, field_numbers
from logs.storage.blocks.numbers import Buckets, Numbers, all_of
from logs.storage.blocks.packing import DamagedBlockError, pack_section, unpack_section
from logs.storage.blocks.paths import unwrapped

_MOST_KEYS = 40  # of a block that are summed up, those of the shape that comes first
MOST_VALUES = 64  # of a key that are counted
_LONGEST_VALUES = 2_000  # characters of these together
_LONGEST_NUMBER = 60  # characters of a sum
_LONGEST_KEY = 200
_KNOWN_BYTES = 4_000  # of a shape whose paths are remembered: a tenant may send larger ones
_Numbers = tuple[int, str, str, str, list[int], list[int]]  # count, sum, least, greatest; steps of buckets, counts
_MOST_BYTES = 8_000  # of all, before they are compressed


def summary_of(documents: Documents) -> bytes:
    """Write the summary of a block's JSON."""
    stored, size = _Stored({}, is_complete=True), 0
    for key in _keys(documents):
        if key is None or len(stored.keys) == _MOST_KEYS:
            stored.is_complete = False
            continue
        written = msgspec.msgpack.encode(_sum_up(documents, key))
        size += len(written) + len(key)
        if size > _MOST_BYTES:
            stored.is_complete = False
            break
        stored.keys[key] = written
    return pack_section(msgspec.msgpack.encode(stored))


def _keys(documents: Documents) -> Iterator[str | None]:
    """Yield every dotted path under which a value stands, once; None where there are others."""
    known: set[str] = set()
    for shape in documents.shapes:
        for key in _known_paths(shape) if len(shape) <= _KNOWN_BYTES else _paths_of(shape):
            if key is None:
                yield None
            elif key not in known:
                known.add(key)
                yield key


def _paths_of(shape: bytes) -> tuple[str | None, ...]:
    """Return the dotted paths of a shape; None for those that are too long or cannot be told."""
    document = parse_shape(shape)
    if Documents.is_whole(shape) or (document is None and shape not in (b"", b"null")):
        return (None,)
    return tuple(key if len(key) <= _LONGEST_KEY else None for key in dict.fromkeys(_paths(document, "")))


_known_paths = lru_cache(maxsize=2048)(_paths_of)


def _paths(value: Any, before: str) -> Iterator[str]:
    """Yield the dotted path of each value; what stands in lists has the path of the list."""
    for each in unwrapped(value):
        if isinstance(each, dict):
            for name, inner in each.items():
                yield before + name
                yield from _paths(inner, f"{before}{name}.")


def _sum_up(documents: Documents, key: str) -> KeySummary:
    values, logs = few_values(documents, key, MOST_VALUES), 0
    counted: dict[str, int] | None = None
    if values is not None and sum(map(len, values.texts)) <= _LONGEST_VALUES:
        logs = int(np.count_nonzero(np.bincount(values.rows)))
        counted = dict(zip(values.texts, np.bincount(values.codes, minlength=len(values.texts)).tolist(), strict=True))
    return KeySummary(logs, counted, _numbers(field_numbers(documents, key)))


def _numbers(numbers: FieldNumbers) -> _Numbers | None:
    if not len(numbers.rows):
        return 0, "0", "0", "0", [], []
    found = all_of(numbers, has_buckets=True)
    exact = [f"{number:f}" for number in (found.total, found.least, found.greatest)]
    if max(map(len, exact)) > _LONGEST_NUMBER:
        return None
    counts = found.buckets.counts
    buckets = sorted(counts)
    steps = [after - before for before, after in zip([0, *buckets], buckets, strict=False)]
    return found.count, *exact, steps, [counts[bucket] for bucket in buckets]  # type: ignore[return-value]


class KeySummary(msgspec.Struct, array_like=True):
    """What is known of a key: how many logs have a value, how many have each, and their numbers.

    `values` is None where they are too many, and `logs` is 0 then; `numbers` where their digits are.
    """

    logs: int
    values: dict[str, int] | None
    numbers: _Numbers | None

    def read_numbers(self) -> Numbers | None:
        """Return the numbers. Raises DamagedBlockError."""
        if self.numbers is None:
            return None
        count, total, least, greatest, steps, counts = self.numbers
        if not count:
            return Numbers()
        try:
            exact = Decimal(total), Decimal(least), Decimal(greatest)
        except InvalidOperation as error:
            raise DamagedBlockError("a summary has no number where one should be") from error
        if len(steps) != len(counts) or sum(counts) != count:
            raise DamagedBlockError("a summary does not add up")
        buckets = Buckets()
        buckets.add_arrays(np.cumsum(steps), np.array(counts))
        return Numbers(count, *exact, buckets)


class _Stored(msgspec.Struct, array_like=True):
    keys: dict[str, bytes]
    is_complete: bool  # other keys are not in the block


class Summary:
    """The summary of a block that is being read."""

    def __init__(self, stored: bytes) -> None:
        try:
            self._stored = msgspec.msgpack.decode(unpack_section(stored), type=_Stored)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedBlockError("a summary cannot be read") from error

    def of(self, key: str) -> KeySummary | None:
        """Return what is known of a key; None where that is nothing. Raises DamagedBlockError."""
        found = self._stored.keys.get(key)
        if found is None:
            return KeySummary(0, {}, (0, "0", "0", "0", [], [])) if self._stored.is_complete else None
        try:
            return msgspec.msgpack.decode(found, type=KeySummary)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedBlockError("a summary cannot be read") from error
