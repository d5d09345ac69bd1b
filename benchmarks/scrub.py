"""What ingest rules cost: CPU of 200 logs with all built-in patterns on and off, in one process, in pairs.

    python -m benchmarks.scrub [--logs 200] [--rounds 400] [--write]

"Of ingest" is beside the CPU that a log takes of web server and database when it is stored (benchmarks.ingest, 200 logs
a request), which is what the budget of a tenth is of.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulseops.settings")
django.setup()

import msgspec  # noqa: E402 - needs the settings
from django.test import RequestFactory  # noqa: E402

from benchmarks.report import Table, machine, write_section  # noqa: E402
from benchmarks.webhooks import ROOT  # noqa: E402
from logs.ingest.columns import AcceptedTimes, Batch  # noqa: E402
from logs.ingest.decode import make_payload  # noqa: E402
from logs.ingest.protocols.json import JsonProtocol  # noqa: E402
from logs.ingest_rules.builtin import BUILT_IN  # noqa: E402
from logs.ingest_rules.compiled import CompiledRules  # noqa: E402
from logs.ingest_rules.rules import IngestRules  # noqa: E402

PERFORMANCE = ROOT / "docs" / "performance.md"
NOW = datetime.now(UTC)
KINDS: dict[str, Callable[[int], str]] = {
    "without a secret": lambda n: f"POST /api/orders/{n}/charge 200 in {n % 400} ms, {n % 7} of {n % 97} in the cart",
    "an address of IP in one of ten": lambda n: (
        f"GET /api/orders/{n} 200 in {n % 400} ms" + (f" from 203.0.113.{n % 250}" if n % 10 == 0 else "")
    ),
    "an address of IP in each": lambda n: f"GET /api/orders/{n} 200 in {n % 400} ms from 203.0.113.{n % 250}",
    "IP and e-mail in each": lambda n: f"login of user-{n}@example.com from 203.0.113.{n % 250} took {n % 400} ms",
    "a line of nginx in each": lambda n: (
        f'203.0.113.{n % 250} - - [30/Nov/2026:11:44:53 +0000] "GET /api/orders/{n} HTTP/1.1" 200 {n % 400}'
    ),
    "a bearer token in each": lambda n: f"GET /api/orders/{n} 200 with Authorization: Bearer abcdefgh{n}.xyz",
    "a card number in each": lambda n: f"order {n} is paid by 4111 1111 1111 1111 in {n % 400} ms",
}


def body(logs: int, message: Callable[[int], str]) -> bytes:
    """Return a request of logs of some 250 bytes."""
    stamp = NOW.isoformat()
    fields = {"route": "/api/orders/:id/charge", "method": "POST", "host": "web-1", "duration_ms": 17.5}
    entries = [
        {"timestamp": stamp, "level": "info", "message": message(n), "meta": {**fields, "order": n, "user": f"u-{n}"}}
        for n in range(logs)
    ]
    return msgspec.json.encode({"logs": entries})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--seconds", type=float)  # of the other benchmarks; rounds are counted here
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    stored = stored_cost()
    head = ["200 logs a request", "reading, µs a log", "scrubbing, µs a log", "of ingest, web and database"]
    table = Table("All built-in patterns on (budget: 10 % of the CPU of ingest)", head)
    for name, message in KINDS.items():
        off, on = measure(body(chosen.logs, message), chosen.logs, chosen.rounds)
        table.add(name, f"{off:.2f}", f"{on - off:.2f}", f"{(on - off) / stored:.1%}")
    print(table.markdown())
    if chosen.write:
        write_section(PERFORMANCE, "Ingest rules", f"{machine()}\n\n{table.markdown()}")


def measure(sent: bytes, logs: int, rounds: int) -> tuple[float, float]:
    """Return µs of CPU a log without rules and with all of them, of the least disturbed tenth of `rounds` in turn.

    Whatever else runs shares caches with this, which makes the same work up to twice as dear.
    """
    rules = CompiledRules(IngestRules(tuple(each.name for each in BUILT_IN)))
    protocol, request = JsonProtocol(), RequestFactory().post("/", content_type="application/json")

    def read(apply: Callable[[Batch], Batch]) -> float:
        began = time.thread_time()
        batch = apply(protocol.read(make_payload(sent, "json"), request, AcceptedTimes(NOW, 7)))
        batch.prepare()
        return (time.thread_time() - began) / logs * 1e6

    pairs = [(read(lambda batch: batch), read(rules.apply)) for _ in range(rounds)]
    off, on = (quantiles(side, n=10)[0] for side in zip(*pairs, strict=True))
    return off, on


def stored_cost() -> float:
    """Return the µs of CPU, of web server and database, that docs/performance.md has for a log of 200 a request."""
    row = re.search(
        r"^\| 200 \|.*\| ([\d.]+) \+ ([\d.]+) µs \|$", PERFORMANCE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert row, "docs/performance.md has no figure of ingest: run benchmarks.ingest --write"
    return float(row[1]) + float(row[2])


if __name__ == "__main__":
    main()
