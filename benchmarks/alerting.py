"""From error to message, and what evaluating a thousand rules costs.

    python -m benchmarks.alerting [--trials 50] [--rules 1000] [--rows 10000000] [--write]

Starts an embedded PostgreSQL, gunicorn, the loop and the worker as `make run` does, in a directory of their own, and a
receiver on loopback. First part: for each trial an organisation of its own, so that no digest gathers; the time counts
from the moment at which the sender begins to send until the receiver has the message. Second part: how soon django-q2
alone would begin a task, with its slots free and taken. Third, in a process of its own: `alerts.evaluate.evaluate`
over all rules on the data set of benchmarks/dataset.py. `--write` puts the tables into docs/performance.md.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.dataset import ROWS, Dataset, dataset
from benchmarks.report import Table, machine, write_section
from benchmarks.webhooks import ROOT, running, signed, wait_until_it_answers

HEAD = ["", "trials", "p50", "p95", "most"]
RULE = "Rule of the benchmark "
PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    if chosen.trials:
        os.environ["OUTGOING_PRIVATE_HOSTS"] = "127.0.0.1"
        with tempfile.TemporaryDirectory(prefix="pulseops-bench-") as folder, running(Path(folder)) as (port, _):
            wait_until_it_answers(port)
            tell("From error to message", messages(port, chosen.trials), is_written=chosen.write)
        if chosen.rules:
            write = ["--write"] if chosen.write else []
            options = ["--trials=0", f"--rules={chosen.rules}", f"--rows={chosen.rows}", *write]
            subprocess.run([sys.executable, "-m", "benchmarks.alerting", *options], cwd=ROOT, check=True)
    elif chosen.rules:
        with dataset(chosen.rows) as data:
            tell("Alert rules", evaluation(data, chosen.rules), is_written=chosen.write)


def tell(heading: str, table: Table, *, is_written: bool) -> None:
    """Print a table with the machine, and put it into the document."""
    text = f"{machine()}\n\n{table.markdown()}"
    print(text)
    if is_written:
        write_section(PAGE, heading, text)


def messages(port: int, trials: int) -> Table:
    """Measure the ways to a message, and what django-q2 alone would add."""
    table = Table("From the event to the message, s (budget: p95 3 s)", HEAD)
    with process("loop"):
        add(table, "error log → message", errors_to_messages(port, trials))
        add(table, "error log → the last of ten channels' messages", errors_to_messages(port, trials, channels=10))
        add(table, "signed GitHub failure → message", failures_to_messages(port, trials))
    with process("worker"):
        add(table, "django-q2 begins a task, slots free", task_starts(20))
        add(table, "django-q2 begins a task, both slots taken for 20 s", task_starts(3, busy=20))
    return table


def add(table: Table, what: str, times: Sequence[float]) -> None:
    """Add a row of times that are given in seconds."""
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    table.add(what, len(times), *(f"{each:.3f}" for each in (statistics.median(times), p95, ordered[-1])))


@contextmanager
def process(command: str) -> Iterator[None]:
    """Run `manage.py dispatcher` or `worker` for a while."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.worker_settings"}
    started = subprocess.Popen(
        [sys.executable, "manage.py", command], cwd=ROOT, env=environment, start_new_session=True
    )
    time.sleep(6)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        started.wait(timeout=60)


def post(port: int, path: str, body: bytes, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    connection.close()


def errors_to_messages(port: int, trials: int, *, channels: int = 1) -> list[float]:
    """Send an error for each trial; return how long it took until each of the channels had its message."""
    from tests.support import receivers
    from tests.support.alerting import make_channel, make_rule
    from tests.support.factories import make_key, make_org, make_service

    body = json.dumps({"logs": [{"level": "error", "message": "checkout failed"}] * 5}).encode()
    took = []
    with receivers.receiver() as server:
        for number in range(trials):
            org = make_org(f"Trial {number} of {channels}")
            for _ in range(channels):
                make_channel(org, server.url)
            make_rule(org)
            key = make_key(make_service(org).environments.get(name="production"))
            began = time.monotonic()
            post(port, "/api/v1/logs/ingest", body, {"x-api-key": key, "Content-Type": "application/json"})
            took.append(server.wait_for(channels * (number + 1), 40)[-1].at - began)
    return took


def failures_to_messages(port: int, trials: int) -> list[float]:
    """Send a signed end of a failed workflow run for each trial; return how long its message took."""
    from benchmarks.webhooks import PAYLOAD
    from deployments.github.signatures import derive_secret, hash_secret
    from deployments.models import GitHubIntegration
    from tests.support import receivers
    from tests.support.alerting import make_channel, make_rule
    from tests.support.factories import make_org, make_service

    document = json.loads(PAYLOAD.read_text())
    took = []
    with receivers.receiver() as server:
        for number in range(trials):
            org = make_org(f"Failing {number}")
            make_channel(org, server.url)
            make_rule(org, type="deployment_failure")
            each = GitHubIntegration(
                service=make_service(org), repo_owner="northwind-labs", repo_name="checkout", secret_version=1
            )
            each.environment_mapping = {"main": "production"}
            each.webhook_secret_hash = hash_secret(derive_secret(each))
            each.save(force_insert=True)
            document["workflow_run"] |= {"conclusion": "failure", "status": "completed"}
            request = signed(document, 10_000 + number, str(each.pk), derive_secret(each))
            began = time.monotonic()
            post(port, request.path, request.body, request.headers)
            took.append(server.wait_for(number + 1, 40)[-1].at - began)
    return took


def task_starts(count: int, *, busy: float = 0) -> list[float]:
    """Hand tasks to django-q2 and return how long each waited to be begun; `busy` seconds keep its two slots taken."""
    from django_q.tasks import async_task, result

    took = []
    for _ in range(2 if busy else 0):
        async_task("benchmarks.tasks.sleep", busy)
    time.sleep(2 if busy else 0)
    for _ in range(count):
        began = time.time()
        task = async_task("benchmarks.tasks.now")
        took.append(result(task, wait=120_000) - began)
    return took


def evaluation(data: Dataset, rules: int) -> Table:
    """Make the rules, evaluate all of them a few times, and remove them again."""
    from alerts.evaluate import evaluate
    from alerts.models import AlertRule
    from incidents.models import Incident

    make_rules(rules)
    took, table = [], Table(f"Evaluating all rules over {data.rows:,} logs, s (budget: 1 s)", HEAD)
    try:
        for _ in range(6):
            began = time.monotonic()
            found = evaluate(now=data.now)
            took.append(time.monotonic() - began)
            print(f"  {took[-1]:.3f} s: {found.evaluated} rules, {len(found.triggered)} hold, {found.opened} opened, "
                  f"failed {len(found.failed)}")  # fmt: skip
    finally:
        made = AlertRule.objects.filter(name__startswith=RULE)
        Incident.objects.filter(rule_id__in=made.values("pk")).delete()
        made.delete()
    add(table, f"{rules:,} rules, after the first look (which opens incidents)", took[1:])
    return table


def make_rules(count: int) -> None:
    """Of 1,000: 850 count errors in windows up to a day, 50 other levels, 50 have filters, 50 watch deployments."""
    from accounts.models import Org
    from alerts.models import AlertRule

    orgs = list(Org.objects.order_by("created_at"))
    windows = (1, 5, 10, 15, 30, 60, 240, 1440)
    made = []
    for number in range(count):
        params: dict[str, Any] = {"threshold": 1_000_000, "window_minutes": windows[number % len(windows)]}
        kind = "deployment_failure" if number % 20 == 0 else "error_count"
        if number % 20 == 1:
            params |= {"level": ("warn", "")[number % 40 == 1], "window_minutes": 5}
        if number % 20 == 2:
            params |= {"query": f"refused products/{number}", "window_minutes": 10}
        if number % 100 == 3:
            params["threshold"] = 1
        made.append(AlertRule(
            org=orgs[number % len(orgs)], name=f"{RULE}{number}", type=kind, severity="low",
            params_json=params if kind == "error_count" else {}, cooldown_seconds=timedelta(minutes=5).seconds,
        ))  # fmt: skip
    AlertRule.objects.bulk_create(made)


if __name__ == "__main__":
    main()
