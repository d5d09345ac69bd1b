"""Numbers put together: count, exact sum, least, greatest, and a histogram that gives quantiles."""

from __future__ import annotations

import math
import struct
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import reduce

from logs.storage.blocks.arrays import Floats, Ints, np, places_of
from logs.storage.blocks.fields import FieldNumbers

# Sums have all their digits, so that they do not depend on an order.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
QUANTILE_ERROR = 1 / 128  # of a quantile, relative
_BUCKET_SHIFT = 46  # bits of a float that its bucket leaves out: sixty-four buckets to each power of two
_BUCKETS = 1 << 19  # more than there are, of both signs
_SMALLEST = 1e-300  # what is nearer to 0 counts as 0
_NEAR = 4_000  # keys that are counted in place
_WAITING = 500  # parts of a histogram that are kept before they are put together
_LOW_BITS = 31  # of a number, summed apart


class Buckets:
    """How many numbers lie in each bucket; what is added is put together when it is asked for, or is much."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: Counter[int] = Counter(counts)
        self._waiting: list[tuple[Ints, Ints]] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Buckets) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def counts(self) -> Counter[int]:
        """All of them."""
        if self._waiting:
            buckets, counts = (np.concatenate(each) for each in zip(*self._waiting, strict=True))
            found, place = np.unique(buckets, return_inverse=True)
            sums = np.bincount(place, weights=counts)  # exact as floats: there are less than 2^53 logs
            self._counts.update(dict(zip(found.tolist(), map(int, sums.tolist()), strict=True)))
            self._waiting = []
        return self._counts

    def add(self, other: Buckets) -> None:
        """Add others."""
        self._counts.update(other._counts)
        self._waiting += other._waiting
        if len(self._waiting) > _WAITING:
            _ = self.counts

    def add_arrays(self, buckets: Ints, counts: Ints) -> None:
        """Add as many as `counts` says to each of `buckets`."""
        self._waiting.append((buckets, counts))


@dataclass(slots=True)
class Numbers:
    """Numbers: how many, their exact sum, the least and the greatest; with `buckets` their quantiles, too.

    A bucket is the first bits of a float (sign, exponent, six of the fraction), so that it is the same for everybody
    who computes it: a log-linear histogram, as HdrHistogram and Circllhist (Hartmann, Schlossnagle 2020) have it.
    """

    count: int = 0
    total: Decimal = Decimal(0)
    least: Decimal | None = None
    greatest: Decimal | None = None
    buckets: Buckets = field(default_factory=Buckets)

    def add(self, other: Numbers) -> None:
        """Add other numbers."""
        if not other.count:
            return
        self.count += other.count
        self.total = _EXACT.add(self.total, other.total)
        self.least = min(each for each in (self.least, other.least) if each is not None)
        self.greatest = max(each for each in (self.greatest, other.greatest) if each is not None)
        self.buckets.add(other.buckets)

    def quantile(self, share: float) -> float | None:
        """Return the quantile for a share of 0 to 1, at most QUANTILE_ERROR (0.8 %) off; None where there is none.

        Exactly it is the least number that is not less than this share of all, as PostgreSQL's percentile_disc. What
        is nearer to 0 than 1e-300 counts as 0, and what no float can say as the greatest one.
        """
        counts = self.buckets.counts
        if self.least is None or self.greatest is None or not counts:
            return None
        rank, seen = max(math.ceil(Decimal(share) * self.count), 1), 0
        for bucket in sorted(counts):
            seen += counts[bucket]
            if seen >= rank:
                break
        return min(max(middle_of(bucket), _near(self.least)), _near(self.greatest))


def _near(number: Decimal) -> float:
    """Return the float beside a number."""
    return min(max(float(number), -sys.float_info.max), sys.float_info.max)


def numbers_by(cells: Ints, numbers: FieldNumbers, *, has_buckets: bool) -> Iterator[tuple[int, Numbers]]:
    """Yield (cell, its numbers), where `numbers` have each its cell."""
    if not len(cells):
        return
    found, cell = places_of(cells)
    buckets = _buckets_by(cell, numbers.floats, len(found)) if has_buckets else [Buckets() for _ in found]
    sums = _sums_of_decimals if numbers.scaled is None else _sums_of_ints
    for number, (count, total, least, greatest), mine in zip(
        found.tolist(), sums(cell, numbers, len(found)), buckets, strict=True
    ):
        yield number, Numbers(count, total, least, greatest, mine)


def all_of(numbers: FieldNumbers, *, has_buckets: bool) -> Numbers:
    """Return all of them put together."""
    scaled = numbers.scaled
    if not len(numbers.rows) or scaled is None or len(scaled) * int(np.abs(scaled).max()) >= 2**63:
        parts = dict(numbers_by(np.zeros(len(numbers.rows), np.int64), numbers, has_buckets=has_buckets))
        return parts.get(0, Numbers())
    total, least, greatest = (
        Decimal(int(each)).scaleb(-numbers.places) for each in (scaled.sum(), scaled.min(), scaled.max())
    )
    buckets = Buckets()
    if has_buckets:
        buckets.add_arrays(*_counted(_buckets_of(numbers.floats)))
    return Numbers(len(scaled), total, least, greatest, buckets)


def _buckets_of(floats: Floats) -> Ints:
    sizes = np.minimum(np.abs(floats), sys.float_info.max)
    buckets: Ints = np.where(sizes < _SMALLEST, 0, sizes.view(np.int64) >> _BUCKET_SHIFT)
    return np.where(floats < 0, -buckets, buckets)


def _counted(keys: Ints) -> tuple[Ints, Ints]:
    """Return the different ones of some keys, and how often each is there."""
    least = int(keys.min())
    if int(keys.max()) - least >= _NEAR:
        found, counts = np.unique(keys, return_counts=True)
        return found, counts
    counts = np.bincount(keys - least)
    places = np.flatnonzero(counts)
    return places + least, counts[places]


_Sums = tuple[int, Decimal, Decimal, Decimal]


def _sums_of_ints(cell: Ints, numbers: FieldNumbers, cells: int) -> Iterator[_Sums]:
    """Yield count, sum, least and greatest of each cell; the sums of both halves of numbers are exact as floats."""
    scaled = numbers.scaled
    assert scaled is not None
    high = np.bincount(cell, weights=scaled >> _LOW_BITS, minlength=cells)
    low = np.bincount(cell, weights=scaled & ((1 << _LOW_BITS) - 1), minlength=cells)
    least, greatest = np.full(cells, 2**63 - 1), np.full(cells, -(2**63))
    np.minimum.at(least, cell, scaled)
    np.maximum.at(greatest, cell, scaled)
    counts = np.bincount(cell, minlength=cells)
    for count, *halves, lowest, highest in zip(
        *(each.tolist() for each in (counts, high, low, least, greatest)), strict=True
    ):
        total = (int(halves[0]) << _LOW_BITS) + int(halves[1])
        yield (count, *(Decimal(each).scaleb(-numbers.places) for each in (total, lowest, highest)))


def _sums_of_decimals(cell: Ints, numbers: FieldNumbers, cells: int) -> Iterator[_Sums]:
    exact = numbers.decimals()
    for number in range(cells):
        mine = exact[cell == number].tolist()
        yield len(mine), reduce(_EXACT.add, mine), min(mine), max(mine)


def _buckets_by(cell: Ints, floats: Floats, cells: int) -> list[Buckets]:
    found, counts = _counted(cell * _BUCKETS + _buckets_of(floats) + _BUCKETS // 2)
    ends = np.searchsorted(found, np.arange(cells + 1) * _BUCKETS)
    by_cell = [Buckets() for _ in range(cells)]
    for number, mine in enumerate(by_cell):
        part = slice(int(ends[number]), int(ends[number + 1]))
        mine.add_arrays(found[part] - number * _BUCKETS - _BUCKETS // 2, counts[part])
    return by_cell


def middle_of(bucket: int) -> float:
    """Return the number in the middle of a bucket."""
    if not bucket:
        return 0.0
    low, high = (_float_of(each << _BUCKET_SHIFT) for each in (abs(bucket), abs(bucket) + 1))
    middle = low if math.isinf(high) else low + (high - low) / 2
    return math.copysign(middle, bucket)


def _float_of(bits: int) -> float:
    [number] = struct.unpack("<d", struct.pack("<q", bits))
    return float(number)
