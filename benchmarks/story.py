"""What made-up organisations log, fast enough to make millions of lines: shops and fleets of sensors.

A request makes one to four lines that share its trace; benchmarks/catalogue.py has their texts. The same seed tells the
same story.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from benchmarks.catalogue import REQUESTS, draw

MINUTE = timedelta(minutes=1)
COLUMNS = "org_id, service_id, environment_id, ts, created_at, level, message, meta_json, trace_id, request_id"


@dataclass(frozen=True, slots=True)
class Teller:
    """An organisation that logs: its kind, its share of all lines, and its scopes by service and environment.

    A scope is the three ids as COPY takes them, joined by tabs.
    """

    kind: str
    share: float
    scopes: Mapping[tuple[str, str], str]


def tell(tellers: Sequence[Teller], start: datetime, end: datetime, *, lines: int, seed: int) -> Iterator[str]:
    """Give `lines` lines between `start` and `end`, in the order of time, as texts for COPY of one minute each."""
    chance = random.Random(seed)
    minutes = [start + n * MINUTE for n in range(math.ceil((end - start) / MINUTE))]
    due = list(accumulate(_traffic(minute) for minute in minutes))
    order = _Order(chance, tellers)
    told = 0
    for minute, until in zip(minutes, due, strict=True):
        wanted = round(lines * until / due[-1]) - told
        length = min((end - minute) / MINUTE, 1.0) * 60
        yield "".join(order.minute(minute, wanted, length))
        told += wanted


def _traffic(minute: datetime) -> float:
    """Return how much goes on at that time of the day, 1 on average: little at four, most at four in the afternoon."""
    return 1 - 0.6 * math.cos(2 * math.pi * ((minute.hour * 60 + minute.minute) / 1440 - 0.17))


class _Order:
    """Draws who makes a request, and which."""

    def __init__(self, chance: random.Random, tellers: Sequence[Teller]) -> None:
        self._chance = chance
        self._tellers = tellers
        self._shares = list(accumulate(teller.share for teller in tellers))

    def minute(self, minute: datetime, wanted: int, seconds: float) -> list[str]:
        """Return exactly `wanted` lines of the first `seconds` of a minute."""
        rows: list[tuple[float, str]] = []
        prefix = f"{minute:%Y-%m-%d %H:%M}:"
        while len(rows) < wanted:
            rows.extend(self._request(prefix, self._chance.random() * max(seconds - 0.5, 0)))
        del rows[wanted:]
        rows.sort()
        return [row for _, row in rows]

    def _request(self, prefix: str, at: float) -> Iterator[tuple[float, str]]:
        chance = self._chance
        teller = self._tellers[bisect(self._shares, chance.random() * self._shares[-1])]
        shares, requests = REQUESTS[teller.kind]
        environment = "production" if chance.random() < 0.9 else "staging"
        values = draw(chance)
        for service, level, message, meta in requests[bisect(shares, chance.random() * shares[-1])]:
            at += 0.02
            time = f"{prefix}{at:09.6f}+00"
            scope = teller.scopes[service, environment]
            yield (
                at,
                (
                    f"{scope}\t{time}\t{time}\t{level}\t{message % values}\t{meta % values}\t"
                    f"{values['trace']}\t{values['request']}\n"
                ),
            )
