"""One honest organisation beside a hostile one: how much later its alerts and pages are.

    python -m benchmarks.hostile [--trials 40] [--rules 40] [--logs 40000] [--searchers 1] [--write]

Starts an embedded PostgreSQL, gunicorn and the dispatcher as `make run` does, in a directory of their own. First the
honest organisation is alone: an error is sent and its message awaited, and its pages are loaded, again and again. Then
the same beside an organisation that does at once what the security review found: slow filters over 40 MB of logs,
poisoned rules, batches of large logs, searches and previews of rules one after the other, 24 exports that are read at
3 kB in nine seconds, and services with their logs deleted. Budget: alerts p95 within 2 times of alone, pages within 3.
Loads nothing but loopback.

The hostile one is a process of its own at a low priority, as it would be another machine: what is measured is the load
that it puts on the product, and not that it takes this machine's processors to make it.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.alerting import PAGE, post, process
from benchmarks.report import Table, machine, write_section
from benchmarks.webhooks import ROOT, running

PAGES = ("/dashboard", "/logs", "/logs?q=failed", "/alerts", "/incidents")
STORED, OPENED, ALERT = "error until it is stored", "until its incident is open", "until its message arrived (alert)"
ALERT_BUDGET, PAGE_BUDGET = 2.0, 3.0  # times of alone


def main() -> None:
    """Measure and print; fails when a budget is not held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--rules", type=int, default=40, help="slow rules of the hostile organisation")
    parser.add_argument("--logs", type=int, default=40_000, help="its logs of 1 kB")
    parser.add_argument("--searchers", type=int, default=1, help="who search, and who preview rules, at the same time")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    os.environ["OUTGOING_PRIVATE_HOSTS"] = "127.0.0.1"
    subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="pulseops-bench-") as folder, running(Path(folder)) as (port, _):
        table, is_held = measure(port, trials=chosen.trials, attack=(chosen.rules, chosen.logs, chosen.searchers))
    text = f"{machine()}\n\n{table.markdown()}"
    print(text)
    if chosen.write:
        write_section(PAGE, "An honest organisation beside a hostile one", text)
    sys.exit(0 if is_held else 1)


def measure(port: int, *, trials: int, attack: tuple[int, int, int]) -> tuple[Table, bool]:
    """Measure alone and beside; return the table, and whether the budgets are held."""
    from tests.support import receivers

    table = Table("Alone, and beside a hostile organisation", ["", "trials", "p50", "p95", "most", "p95 ÷ alone"])
    with receivers.receiver() as server, process("loop"):
        honest = Honest(port, server)
        honest.seconds(3)  # warm
        alone = honest.seconds(trials)
        with attacking(port, attack):
            beside = honest.seconds(trials)
    ratios = {}
    for what in (STORED, OPENED, ALERT, "page"):
        for name, times in (("alone", alone[what]), ("beside", beside[what])):
            ratio = p95(beside[what]) / p95(alone[what])
            ratios[what] = ratio
            shown = (statistics.median(times), p95(times), max(times))
            table.add(f"{what}, {name}, s", len(times), *(f"{each:.3f}" for each in shown),
                      f"{ratio:.1f}" if name == "beside" else "")  # fmt: skip
    return table, ratios[ALERT] <= ALERT_BUDGET and ratios["page"] <= PAGE_BUDGET


def p95(times: Sequence[float]) -> float:
    """Return the 95th percentile."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]


@dataclass
class Honest:
    """Organisations with a rule and a channel each, of which one reads its pages."""

    port: int
    receiver: Any

    def seconds(self, trials: int) -> dict[str, list[float]]:
        """Return how long alerts took from the error to the message, and pages, taking turns."""
        cookie = self._cookie()
        times: dict[str, list[float]] = defaultdict(list)
        for number in range(trials):
            for what, seconds in self._alert().items():
                times[what].append(seconds)
            times["page"].append(timed(partial(self._page, PAGES[number % len(PAGES)], cookie)))
        return times

    def _alert(self) -> dict[str, float]:
        """Return the seconds from an error to its message, and to where it was on the way."""
        from notifications.models import Job
        from tests.support.alerting import make_channel, make_rule
        from tests.support.factories import make_key, make_org, make_service

        org = make_org()
        make_channel(org, self.receiver.url)
        make_rule(org, params={"threshold": 1})
        key = make_key(make_service(org).environments.get(name="production"))
        time.sleep(0.3)
        body = json.dumps({"logs": [{"level": "error", "message": "checkout failed"}]}).encode()
        count = len(self.receiver.received)
        began, clock = time.monotonic(), time.time()
        post(self.port, "/api/v1/logs/ingest", body, {"x-api-key": key, "Content-Type": "application/json"})
        stored = time.monotonic() - began
        arrived = float(self.receiver.wait_for(count + 1, 120)[-1].at - began)
        job = Job.objects.get(org=org)
        return {STORED: stored, OPENED: job.created_at.timestamp() - clock, ALERT: arrived}

    def _cookie(self) -> str:
        from tests.support.factories import make_log, make_org, make_service

        org = make_org("Honest")
        service = make_service(org)
        for number in range(200):
            make_log(service, f"request {number} failed")
        return session_of(org)

    def _page(self, path: str, cookie: str) -> None:
        status, content = get(self.port, path, cookie)
        assert status == 200, f"{path}: {status} {content[:2_000]!r}"


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def session_of(org: Any) -> str:
    """Return the cookie of a new admin of the organisation."""
    from django.conf import settings

    from accounts.models import Role
    from tests.support.factories import make_member
    from tests.support.sign_in import signed_in

    client = signed_in(make_member(org, Role.ADMIN))
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


def get(port: int, path: str, cookie: str) -> tuple[int, bytes]:
    """Load a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextmanager
def attacking(port: int, attack: tuple[int, int, int]) -> Iterator[None]:
    """Have a hostile organisation at work, with so many rules, logs and searchers; prints what it did."""
    command = [sys.executable, "-m", "benchmarks.attack", str(port), *map(str, attack)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "at work\n"
        try:
            yield
        finally:
            process.stdin.close()
            print(f"  the hostile organisation meanwhile: {process.stdout.read().strip()}")


if __name__ == "__main__":
    main()
