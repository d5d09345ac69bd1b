"""What counting for /metrics costs of ingest: CPU of the web application with it and without, in one process, in pairs.

    python -m benchmarks.counting [--pairs 300] [--write]

The whole request, from WSGI to the commit in an embedded PostgreSQL of its own, without gunicorn: in a web server its
share is smaller. The order of each pair is by chance, and the files are mapped as all processes of `up` map them. What
is added up twice a second, by a thread that takes a tenth of a millisecond, is not in it.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks.report import Table, machine, write_section
from benchmarks.webhooks import ROOT

PERFORMANCE = ROOT / "docs" / "performance.md"
HEAD = ["logs a request", "CPU of a request, µs", "of which counting, µs", "share"]
_EACH = 20  # requests of one side of a pair


class Nothing:
    """What counts, and does not."""

    def note_batch(self, *_: object, **__: object) -> None:
        """Do nothing."""

    def note_answer(self, *_: object) -> None:
        """Do nothing."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seconds", type=float)  # of the other benchmarks; pairs are counted here
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    table = Table("With and without /metrics (budget: 1 % of the CPU of ingest)", HEAD)
    with application() as (serve, key):
        for logs in (1, 200):
            whole, counting = measure(serve, request(key, logs), chosen.pairs)
            table.add(logs, f"{whole:.0f}", f"{counting:.1f}", f"{counting / whole:.1%}")
    print(table.markdown())
    if chosen.write:
        write_section(PERFORMANCE, "Counting for /metrics", f"{machine()}\n\n{table.markdown()}")


@contextmanager
def application() -> Iterator[tuple[Callable[[dict[str, Any]], None], str]]:
    """Give what serves a WSGI request, and an API key, on a database that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))  # short enough for a socket
    home.chmod(0o755)  # for the server's user
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "pulseops.settings", "PULSEOPS_PROCESS": "web", "PULSEOPS_DATA_DIR": str(home),
        "DATABASE_URL": "", "INGEST_BYTES_PER_MINUTE": str(10**12), "DATABASE_POOL_SIZE": "2",
    }  # fmt: skip
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    serve = get_wsgi_application()
    from django.db import connection

    from pulseops.core import ingest_counts
    from tests.support.factories import make_key, make_org, make_service

    ingest_counts.SECONDS = 3600.0
    try:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        service = make_service(make_org("Acme"), "api", environments=("production",))
        key = make_key(service.environments.get(), rate_per_minute=10_000_000)

        def one(environ: dict[str, Any]) -> None:
            codes: list[str] = []
            answer = serve({**environ, "wsgi.input": io.BytesIO(environ["body"])}, lambda code, *_: codes.append(code))
            b"".join(answer)
            answer.close()
            assert codes == ["200 OK"], codes

        yield one, key
    finally:
        connection.close()
        connection.server.leave()  # type: ignore[attr-defined]  # the embedded one's
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def request(key: str, logs: int) -> dict[str, Any]:
    """Return the WSGI environment of a request with so many logs of some 250 bytes; its body stands beside."""
    from benchmarks.scrub import body

    sent = body(logs, lambda number: f"POST /api/orders/{number}/charge 200 in {number % 400} ms")
    return {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/logs/ingest", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "HTTP_X_API_KEY": key, "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(sent)), "QUERY_STRING": "",
        "wsgi.url_scheme": "http", "body": sent,
    }  # fmt: skip


def measure(serve: Callable[[dict[str, Any]], None], environ: dict[str, Any], pairs: int) -> tuple[float, float]:
    """Return the µs of CPU of a request, and of counting: medians of the pairs."""
    off = [patch(f"logs.ingest.{name}.counts", Nothing()) for name in ("pipeline", "commit")]

    def side(*, is_on: bool) -> float:
        patches = [] if is_on else off
        for each in patches:
            each.start()
        began = time.thread_time()
        for _ in range(_EACH):
            serve(environ)
        took = time.thread_time() - began
        for each in patches:
            each.stop()
        return took / _EACH * 1e6

    side(is_on=True)
    found: list[dict[bool, float]] = []
    for _ in range(pairs):
        order = random.sample((True, False), 2)
        found.append({is_on: side(is_on=is_on) for is_on in order})
    return median(each[True] for each in found), median(each[True] - each[False] for each in found)


if __name__ == "__main__":
    main()
