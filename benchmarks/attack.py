"""A hostile organisation, as a process of its own: what `benchmarks.hostile` starts beside an honest one.

    python -m benchmarks.attack PORT RULES LOGS SEARCHERS

Works until its standard input ends; then it says how often it did what.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from benchmarks.alerting import post
from benchmarks.hostile import get, session_of

SLOW_READERS, SLOW_BYTES, SLOW_EVERY = 24, 3_000, 9.0


def attack(port: int, *, rules: int, logs: int, searchers: int) -> None:
    """Be hostile until the standard input ends; then say how often what was done."""
    import django

    django.setup()
    os.nice(10)
    hostile = Hostile(port, rules=rules, logs=logs)
    with hostile.at_work(searchers):
        print("at work", flush=True)
        sys.stdin.read()
    print(hostile.did())


class Hostile:
    """An organisation that does everything at once that could hold up others."""

    def __init__(self, port: int, *, rules: int, logs: int) -> None:
        """Make its rows; `at_work` begins."""
        from tests.support.alerting import make_rule
        from tests.support.factories import make_key, make_org, make_service

        self.port = port
        self.stop = threading.Event()
        self.counts: dict[str, int] = {}
        self.org = make_org("Hostile")
        self.service = make_service(self.org, "hostile")
        self.key = make_key(self.service.environments.get(name="production"), rate_per_minute=10_000_000)
        self.cookie = session_of(self.org)
        fill(self.service, logs, "x" * 1_000)
        for number in range(rules):
            words = " OR ".join(f"w{number}n{each}" for each in range(70))
            assert len(words) <= 1_000, "a longer filter is not evaluated at all"
            make_rule(self.org, name=f"slow {number}", params={"query": words, "window_minutes": 1440, "level": ""})
        for query in ("x:1\u0663", "a.b.c.d.e.f:" + ",".join(f"{n:02x}" for n in range(256))):
            make_rule(self.org, name="poisoned", params={"query": query})

    @contextmanager
    def at_work(self, searchers: int) -> Iterator[None]:
        """Do all of it until the context ends: `searchers` search at the same time, and as many preview rules."""
        works = [self._send_large_logs, self._delete_services]
        works += [self._search, self._try_rules] * searchers
        threads = [threading.Thread(target=self._again, args=[work], daemon=True) for work in works]
        threads += [threading.Thread(target=self._read_slowly, daemon=True) for _ in range(SLOW_READERS)]
        for each in threads:
            each.start()
        time.sleep(5)  # until it is in full swing
        try:
            yield
        finally:
            self.stop.set()
            for each in threads:
                each.join(30)

    def did(self) -> str:
        """Say how often it did what."""
        return ", ".join(f"{name.strip('_')} {count}" for name, count in sorted(self.counts.items()))

    def _again(self, work: Callable[[], object]) -> None:
        from django.db import connection

        while not self.stop.is_set():
            with suppress(OSError, http.client.HTTPException, AssertionError):
                work()
                self._count(work.__name__)
        connection.close()

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _send_large_logs(self) -> None:
        meta = {f"key{number}": number for number in range(900)}
        body = json.dumps({"logs": [{"level": "error", "message": "y" * 20_000, "meta": meta}] * 20}).encode()
        post(self.port, "/api/v1/logs/ingest", body, {"x-api-key": self.key, "Content-Type": "application/json"})
        self.stop.wait(0.5)

    def _delete_services(self) -> None:
        from tests.support.factories import make_service

        service = make_service(self.org)
        fill(service, 2_000, "z" * 500)
        service.delete()
        self.stop.wait(0.5)

    def _search(self) -> None:
        get(self.port, "/logs?q=" + "+OR+".join(f"w{number}" for number in range(95)) + "&from=-24h", self.cookie)

    def _try_rules(self) -> None:
        from alerts.models import AlertRule

        rule = AlertRule.objects.filter(org=self.org, name__startswith="slow").order_by("?").first()
        get(self.port, f"/alerts/{rule.pk}?period=7d", self.cookie)

    def _read_slowly(self) -> None:
        """Ask for an export and read it three kilobytes in nine seconds, anew whenever it is ended."""
        while not self.stop.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=60) as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                request = (
                    f"GET /logs/export?format=ndjson&from=-24h HTTP/1.1\r\nHost: localhost\r\nCookie: {self.cookie}"
                )
                peer.sendall(f"{request}\r\n\r\n".encode())
                head = peer.recv(SLOW_BYTES)
                self._count("_export_refused" if b" 429 " in head[:20] else "_export_begun")
                while not self.stop.wait(SLOW_EVERY) and b" 200 " in head[:20] and peer.recv(SLOW_BYTES):
                    pass
            self.stop.wait(1)


def fill(service: Any, count: int, message: str) -> None:
    """Store so many logs of the last hour."""
    from django.db import connection

    environment = service.environments.get(name="production")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO logs (org_id, service_id, environment_id, level, message, ts) "
            "SELECT %s, %s, %s, 'info', %s || ' ' || n, now() - (n %% 3600) * interval '1 second' "
            "FROM generate_series(1, %s) n",
            [service.org_id, service.pk, environment.pk, message, count],
        )


if __name__ == "__main__":
    port, rules, logs, searchers = map(int, sys.argv[1:])
    attack(port, rules=rules, logs=logs, searchers=searchers)
