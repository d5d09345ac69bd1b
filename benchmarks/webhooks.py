"""How fast GitHub's webhooks are answered: 200 a second, p95 under 50 ms, everything on this machine.

    python -m benchmarks.webhooks [--rate 200] [--seconds 15] [--write]

Starts an embedded PostgreSQL and gunicorn as `make run` does, in a directory of their own, and sends signed events of
20 kB at a steady rate: ends of workflow runs, each a deployment of its own. A request's time counts from when it was
due, so one slow answer is not hidden by the others waiting for it.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Table, machine, write_section

ROOT = Path(__file__).resolve().parent.parent
PAYLOAD = ROOT / "tests" / "deployments" / "payloads" / "workflow_run.json"
CLIENTS = 16
SERVICES = 4
MOST_REQUESTS = 20_000


@dataclass(frozen=True)
class Request:
    """A delivery that is ready to be sent."""

    body: bytes
    headers: dict[str, str]
    path: str


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rate", type=int, default=200, help="deliveries a second")
    arguments.add_argument("--seconds", type=int, default=15)
    arguments.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="pulseops-bench-") as folder, running(Path(folder)) as (port, requests):
        count = min(chosen.rate * chosen.seconds, MOST_REQUESTS)
        send_all(port, list(requests(chosen.rate)), chosen.rate)  # one second to warm up
        times, took = send_all(port, list(requests(count)), chosen.rate)
        text = f"{machine()}\n\n{report(times, took).markdown()}"
    print(text)
    if chosen.write:
        write_section(ROOT / "docs" / "performance.md", "Webhooks", text)


def report(times: list[float], took: float) -> Table:
    """Return a table of the times (in seconds) of all answers, and how many came in a second."""
    cuts = statistics.quantiles(times, n=100)
    table = Table(
        "GitHub deliveries of 20 kB, ms (budget: p95 50 ms)", ["deliveries", "a second", "p50", "p95", "p99", "most"]
    )
    shown = (cuts[49], cuts[94], cuts[98], max(times))
    table.add(len(times), f"{len(times) / took:.0f}", *(f"{each * 1000:.1f}" for each in shown))
    return table


@contextmanager
def running(folder: Path) -> Iterator[tuple[int, Any]]:
    """Run database and web processes in `folder`; give the port, and what makes a number of requests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.chmod(0o755)  # for the server's user
    os.environ |= {
        "PULSEOPS_DATA_DIR": str(folder / "data"),
        "DJANGO_SETTINGS_MODULE": "pulseops.settings",
        "PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    os.environ.pop("DATABASE_URL", None)
    requests = prepare()
    command = [sys.executable, "-m", "gunicorn", "--config", "python:pulseops.server.gunicorn", "pulseops.wsgi"]
    web = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        wait_until_it_answers(port)
        yield port, requests
    finally:
        with suppress(ProcessLookupError):
            os.killpg(web.pid, signal.SIGTERM)
        web.wait(timeout=20)
        leave_database()


def leave_database() -> None:
    """Stop the embedded server before its folder goes."""
    from django.db import connection

    connection.close()
    connection.server.leave()  # type: ignore[attr-defined]


def prepare() -> Any:
    """Migrate, make integrations, and return a function that makes signed requests for them."""
    import django

    django.setup()
    from django.core.management import call_command

    from accounts.models import Org
    from deployments.github.signatures import derive_secret, hash_secret
    from deployments.models import GitHubIntegration
    from services.models import Environment, Service

    call_command("migrate", verbosity=0)
    org = Org.objects.create(name="Benchmark")
    integrations = []
    for number in range(SERVICES):
        service = Service.objects.create(org=org, name=f"service-{number}")
        Environment.objects.create(service=service, name="production")
        each = GitHubIntegration(service=service, repo_owner="northwind-labs", repo_name="checkout", secret_version=1)
        each.environment_mapping = {"main": "production"}
        each.webhook_secret_hash = hash_secret(derive_secret(each))
        each.save(force_insert=True)
        integrations.append((str(each.pk), derive_secret(each)))
    document = json.loads(PAYLOAD.read_text())
    runs = iter(range(1, 10**9))

    def make(count: int) -> Iterator[Request]:
        for _ in range(count):
            run = next(runs)
            yield signed(document, run, *integrations[run % SERVICES])

    return make


def signed(document: dict[str, Any], run: int, integration: str, secret: str) -> Request:
    """Return the delivery of the end of run number `run`."""
    document["workflow_run"] |= {"id": run, "head_sha": f"{run:040x}"}
    body = json.dumps(document, separators=(",", ":")).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    return Request(body, headers, f"/api/v1/github/webhook?integration={integration}")


def wait_until_it_answers(port: int) -> None:
    """Wait at most a minute for the first answer."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/health")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise TimeoutError("the web process did not answer")


def send_all(port: int, requests: list[Request], rate: int) -> tuple[list[float], float]:
    """Send `requests` at `rate` a second from CLIENTS connections; return their times and the whole, in seconds."""
    times: list[float] = []
    lock, start = threading.Lock(), time.perf_counter() + 0.1

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        mine = []
        for index in range(number, len(requests), CLIENTS):
            due = start + index / rate
            time.sleep(max(0, due - time.perf_counter()))
            request = requests[index]
            connection.request("POST", request.path, request.body, request.headers)
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 200, answer
            mine.append(time.perf_counter() - due)
        with lock:
            times.extend(mine)

    threads = [threading.Thread(target=client, args=[number]) for number in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return times, time.perf_counter() - start


if __name__ == "__main__":
    main()
