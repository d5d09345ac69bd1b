"""What is looked for in the data set: of each kind of search many queries, of logs that are there or surely not."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

_A_LOG = """
    SELECT message, meta_json::text, trace_id, request_id FROM logs
    WHERE org_id = %s AND ts < %s AND (%s::uuid IS NULL OR service_id = %s::uuid) ORDER BY ts DESC LIMIT 1
"""
# Words of the catalogue that are never in one message.
APART = (
    "receipt products", "job session", "invoice cache", "stripe recalculate", "captured attempt", "cart password",
    "issued finished", "shard template", "miss signed", "bytes bank",
)  # fmt: skip
COMMON = ("GET", "order", "products", "job", "payment", "search", "user", "stripe", "totals", "signed")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of search: what it is called in the table, and its queries."""

    name: str
    queries: Sequence[str]


class Samples:
    """Draws logs of an organisation from anywhere between two moments."""

    def __init__(self, org_id: UUID, start: datetime, end: datetime, *, seed: int = 5) -> None:
        self.org_id, self.start, self.end = org_id, start, end
        self.chance = random.Random(seed)
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, id FROM services WHERE org_id = %s", [org_id])
            self._services: dict[str, UUID] = dict(cursor.fetchall())

    def moment(self) -> datetime:
        """Return a moment."""
        return self.start + timedelta(seconds=self.chance.random() * (self.end - self.start).total_seconds())

    def log(self, service: str = "") -> tuple[str, dict[str, Any], str, str]:
        """Return message, JSON, trace and request of a log, of one service if it is named."""
        service_id = self._services[service] if service else None
        with connection.cursor() as cursor:
            cursor.execute(_A_LOG, [self.org_id, self.moment(), service_id, service_id])
            message, meta, trace, request = cursor.fetchone()
        return message, json.loads(meta), trace, request

    def word(self, pattern: str, service: str) -> str:
        """Return the group of `pattern` in a message of the service."""
        while True:
            if found := re.search(pattern, self.log(service)[0]):
                return found[1]

    def nonsense(self, count: int) -> str:
        """Return consonants that no word has in a row."""
        return "".join(self.chance.choices("bcdfghjkmnpqrtvwxz", k=count))


def shop_kinds(samples: Samples, count: int) -> list[Kind]:
    """Return what is looked for in a shop's logs, `count` queries of each kind."""
    some, of = _makers(count)
    return [
        of("newest", [""]),
        of("level", ["level:error", "level:warn", "level:>=warn", "level:info", "level:debug"]),
        of("service, environment", ["service:billing", "service:api env:staging", "service:web", "-service:web"]),
        of("common word", COMMON),
        of("common word of one service", ["service:api level:info GET", "service:mailer receipt", "level:error order"]),
        of("two common words that never meet", APART),
        some("rare word", lambda: samples.word(r"([a-z]+\.[a-z]+\d+)@", "auth")),
        some("rare word among common ones", lambda: f"job {samples.word(r'job ([0-9a-f]{8})', 'worker')} totals"),
        some("rare word, one level", lambda: f"level:info {samples.word(r'([a-z]+[.][a-z]+[0-9]+)@', 'auth')}"),
        some("absent word", lambda: samples.nonsense(7)),
        some("absent word, one service", lambda: f"service:checkout {samples.nonsense(7)}"),
        some("phrase, rare", lambda: f'"payment captured for order {samples.word(r"order ([0-9]+) by", "checkout")}"'),
        of(
            "phrase, common",
            ['"payment captured for order"', '"receipt sent for"', '"issued over"', '"cache miss for"'],
        ),
        of("phrase, absent", ['"order miss"', '"payment finished"', '"receipt captured"', '"stripe sent for"']),
        some("part of a word, rare", lambda: samples.word(r"job [0-9a-f]([0-9a-f]{6})", "worker")),
        some("part of a word, absent", lambda: samples.nonsense(4)),
        of("part of a word, common", ["ayment", "rodu", "eceip", "nvoic", "calcul"]),
        of("one of two words", ["receipt OR invoice", "quarantined OR negative", "(stripe OR bank) level:error"]),
        of("JSON, common", ["http.status:200", "queue:default", "provider:stripe", "currency:EUR"]),
        some("JSON, rare", lambda: f"order_id:{samples.word(r'order ([0-9]+) ', 'checkout')}"),
        some("JSON, absent", lambda: f"order_id:{samples.chance.randrange(10**5)}"),
        of("JSON, a number compared, common", ["took_ms:>50", "http.status:>=200", "amount:<300"]),
        of("JSON, a number compared, rare", ["http.status:>=500", "took_ms:>30000", "amount:>404.9", "hits:>126"]),
        of("JSON, a number compared, absent", ["took_ms:>1000000", "http.status:<100", "rows:>5000"]),
        of("JSON, a field is there, common", ["http:*", "user.id:*", "queue:*"]),
        of("JSON, a field is there, rare", ["coupon:*", "quarantine:*", "bank.code:*", "warehouse:*"]),
        of("JSON, a field is there, absent", ["customs:*", "http.referer:*"]),
        some("trace", lambda: f"trace:{samples.log()[2]}"),
        some("request", lambda: f"request:{samples.log()[3]}"),
        some("trace, absent", lambda: f"trace:{samples.chance.getrandbits(128):032x}"),
        of("negated", ["-GET", "-job -products", "level:error -payment", "-http.status:200", "-level:info -job"]),
    ]


def fleet_kinds(samples: Samples, count: int) -> list[Kind]:
    """Return what is looked for in the logs of a small organisation, whose words are not those of the big ones."""
    some, of = _makers(count)
    return [
        of("newest", [""]),
        of("level", ["level:error", "level:warn", "level:info"]),
        of("common word", ["sensor", "battery", "signal", "reading"]),
        of("common word of the others", COMMON),
        of("two common words of the others", APART),
        some("rare word", lambda: samples.word(r"(s-\d{4})", "telemetry")),
        some("absent word", lambda: samples.nonsense(7)),
        of("phrase of the others", ['"payment captured for order"', '"receipt sent for"', '"issued over"']),
        of("part of a word of the others", ["ayment", "rodu", "eceip", "nvoic", "calcul"]),
        of("JSON of the others", ["http.status:200", "queue:default", "provider:stripe", "currency:EUR"]),
        some("JSON, rare", lambda: f"sensor:{samples.word(r'(s-[0-9]{4})', 'telemetry')}"),
        of("JSON, a number compared, absent", ["took_ms:>1000000", "battery:>100"]),
        of("JSON, a field is there, of the others", ["http:*", "user.id:*", "coupon:*"]),
        some("trace", lambda: f"trace:{samples.log()[2]}"),
    ]


def _makers(count: int) -> tuple[Callable[[str, Callable[[], str]], Kind], Callable[[str, Sequence[str]], Kind]]:
    """Return two makers of a kind of `count` queries: of what a function gives each time, and of a list in turn."""

    def some(name: str, make: Callable[[], str]) -> Kind:
        return Kind(name, [make() for _ in range(count)])

    def of(name: str, queries: Sequence[str]) -> Kind:
        return Kind(name, [queries[n % len(queries)] for n in range(count)])

    return some, of
