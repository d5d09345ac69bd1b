"""What happens in the demo while one watches: deployments, one of them bad now and then, and bursts of errors."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pulseops.demo.story import Trouble

_PEOPLE = ("Ada Lindqvist", "Noor Haddad", "Jonas Weber", "Mei Tanaka")
_CHANGES = {
    "api": ("Answer with the price in the reader's currency", "Cache category pages", "Limit the size of a page"),
    "checkout": ("Say why a card was refused", "Keep the cart for a week", "Round taxes once, at the end"),
    "mailer": ("Put the order number into the subject", "Send reminders in the morning"),
    "web": ("Show stock on the product page", "Make the search field larger", "Drop an unused font"),
}
_BAD = "Retry captures in parallel"
_ROLLBACK = f"Revert “{_BAD}”"
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Report:
    """What a CI says of a deployment at a moment; `external_id` is the same for all it says of one."""

    at: datetime
    service: str
    environment: str
    message: str
    author: str
    commit_sha: str
    external_id: str
    status: str


class Script:
    """Plans what happens, some hours ahead of the clock; the first deployment and the first trouble come soon after
    the start, so that who has just come sees them.
    """

    def __init__(self, random_: random.Random, start: datetime) -> None:
        self._random = random_
        self._numbers = itertools.count(1)
        self._run = f"{int(start.timestamp()):x}"
        self._reports: list[tuple[datetime, int, Report]] = []
        self._troubles: list[tuple[datetime, datetime, Trouble]] = []
        self._next_change = start + 1 * _MINUTE
        self._next_burst = start + 20 * _MINUTE
        self._next_bad = start + 3 * _MINUTE

    def trouble_at(self, at: datetime) -> Trouble | None:
        """Return what goes wrong at `at`, which is never before what it was asked about minutes ago."""
        self._plan_until(at)
        self._troubles = [each for each in self._troubles if each[1] > at - _MINUTE]
        return next((kind for begins, ends, kind in self._troubles if begins <= at < ends), None)

    def reports_until(self, now: datetime) -> Iterator[Report]:
        """Give what is to be said of deployments by `now`, once."""
        self._plan_until(now)
        while self._reports and self._reports[0][0] <= now:
            yield heapq.heappop(self._reports)[2]

    def _plan_until(self, now: datetime) -> None:
        while self._next_change <= now:
            self._change(self._next_change)
            self._next_change += self._random.uniform(35, 80) * _MINUTE
        while self._next_burst <= now:
            self._troubles.append((self._next_burst, self._next_burst + 1.5 * _MINUTE, Trouble.SEARCH))
            self._next_burst += self._random.uniform(40, 120) * _MINUTE
        while self._next_bad <= now:
            self._bad(self._next_bad)
            self._next_bad += self._random.uniform(120, 300) * _MINUTE

    def _change(self, at: datetime) -> None:
        """A change goes to staging, and to production when it has been seen there."""
        service = self._random.choice(sorted(_CHANGES))
        message, author = self._random.choice(_CHANGES[service]), self._random.choice(_PEOPLE)
        live_at = self._deploy(at, service, "staging", message, author)
        self._deploy(live_at + 6 * _MINUTE, service, "production", message, author)

    def _bad(self, at: datetime) -> None:
        """A bad deployment of the checkout; payments fail from when it is live until it is taken back."""
        live_at = self._deploy(at, "checkout", "production", _BAD, "Jonas Weber")
        back_at = self._deploy(live_at + 5 * _MINUTE, "checkout", "production", _ROLLBACK, "Ada Lindqvist")
        self._troubles.append((live_at, back_at, Trouble.PAYMENTS))

    def _deploy(self, at: datetime, service: str, environment: str, message: str, author: str) -> datetime:
        """Plan the reports of one deployment that begins at `at`; returns when it is live."""
        live_at = at + timedelta(seconds=self._random.randint(45, 110))
        number = next(self._numbers)
        sha = f"{self._random.getrandbits(160):040x}"
        for moment, status in ((at, "pending"), (live_at, "success")):
            report = Report(moment, service, environment, message, author, sha, f"demo-{self._run}-{number}", status)
            heapq.heappush(self._reports, (moment, next(self._numbers), report))
        return live_at
