"""What is known of some logs: how many there are, of their numbers, and of their different values.

All of it can be put together from parts in any order, and is the same then.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from logs.storage.blocks.numbers import Numbers

HASHES = 2_048  # of different values that are kept
_HASH_BITS = 60
DISTINCT_ERROR = 1 / math.sqrt(HASHES - 2)  # standard error of a count of more than HASHES different values, relative


def hash_of(value: str) -> int:
    """Return the hash of a value: the same as PostgreSQL computes (`of_rows`)."""
    return int(hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()[: _HASH_BITS // 4], 16)


@dataclass(slots=True)
class Distinct:
    """Different values by the least of their hashes: a bottom-k sketch (Bar-Yossef et al. 2002).

    Up to HASHES of them the count is exact, beyond that it is estimated; the standard error is DISTINCT_ERROR (2.2 %).
    """

    hashes: set[int] = field(default_factory=set)
    is_exact: bool = True
    _most: int = 1 << _HASH_BITS

    def add(self, hashes: Iterable[int], *, is_exact: bool = True) -> None:
        """Add values by their hashes; these are the least HASHES of them where not `is_exact`."""
        self.hashes.update([each for each in hashes if each <= self._most])
        self.is_exact &= is_exact
        if len(self.hashes) > 2 * HASHES:
            self._cut()

    @property
    def count(self) -> int:
        """How many there are."""
        self._cut()
        return len(self.hashes) if self.is_exact else round((HASHES - 1) * (1 << _HASH_BITS) / self._most)

    def _cut(self) -> None:
        if len(self.hashes) > HASHES:
            self.hashes, self.is_exact = set(sorted(self.hashes)[:HASHES]), False
        if not self.is_exact:
            self._most = max(self.hashes)


@dataclass(slots=True)
class Measures:
    """What is known of some logs: how many, their numbers of the field `of`, their different values of `distinct`."""

    logs: int = 0
    _numbers: Numbers | None = None  # made when they are asked for: most of very many groups have none
    _distinct: Distinct | None = None

    @property
    def numbers(self) -> Numbers:
        """Their numbers."""
        if self._numbers is None:
            self._numbers = Numbers()
        return self._numbers

    @property
    def distinct(self) -> Distinct:
        """Their different values."""
        if self._distinct is None:
            self._distinct = Distinct()
        return self._distinct

    def add(self, other: Measures) -> None:
        """Add other logs."""
        self.logs += other.logs
        if other._numbers is not None:
            self.numbers.add(other._numbers)
        if other._distinct is not None and other._distinct.hashes:
            self.distinct.add(other._distinct.hashes, is_exact=other._distinct.is_exact)
