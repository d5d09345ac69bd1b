"""What following the logs costs at ten million of them, and how soon a log is seen after it was acknowledged.

    python -m benchmarks.live_tail [--rows 10000000] [--polls 40] [--trials 15] [--write]

First the look that a page takes every two seconds, through logs/live: alone, and while 5,000 logs a second come in.
Then gunicorn and a real Chromium that follows them: the time from the answer to a sender until its log stands on the
page.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clock import Spent, percentile, timed
from benchmarks.dataset import BIG, ROWS, VIEWER, Dataset, dataset
from benchmarks.load import make_requests, run_load
from benchmarks.report import Table, machine, write_section
from benchmarks.served import web

QUERIES = {"everything": "", "errors": "level:error", "a word": "payment", "a word that is not there": "absentword",
           "a field": "http.status:500"}  # fmt: skip
A_SECOND = 5_000
SECONDS = 4.0
CHROMIUM = "/usr/bin/chromium"


def polls(count: int, *, port: int = 0, key: str = "") -> Table:
    """Measure what a poll costs, with `port` while logs come in by that server."""
    name = f"while {A_SECOND:,} logs a second come in" if port else "while nothing comes in"
    table = Table(
        f"A look for new rows {name}, ms", ["", "in the database p50", "p95", "with the rows' layout p50", "p95"]
    )
    for title, query in QUERIES.items():
        with coming_in(port, key):
            table.add(title, *_poll(query, count))
    return table


def _poll(query: str, count: int) -> list[str]:
    from django.http import QueryDict

    from accounts.models import Org
    from logs.cursor import LogCursor
    from logs.explorer.live_tail import new_rows
    from logs.explorer.state import ExplorerState

    org = Org.objects.get(name=BIG)
    given = QueryDict(mutable=True)
    given.update({"q": query, "live": "1"})
    spent, whole = Spent(), []
    for _ in range(count):
        now = datetime.now(UTC)
        began = time.perf_counter()
        with timed(spent):
            new_rows(org, ExplorerState.read(given), LogCursor(now - timedelta(seconds=2), 0))
        whole.append((time.perf_counter() - began) * 1000)
        time.sleep(SECONDS / count)
    return [f"{each:.1f}" for times in (spent.times, whole) for each in (median(times), percentile(times, 0.95))]


@contextmanager
def coming_in(port: int, key: str) -> Iterator[None]:
    """Send logs at a steady rate meanwhile, if there is a port."""
    over = threading.Event()

    def send() -> None:
        requests = make_requests(key, 200, packed=False)
        while not over.is_set():
            run_load(port, requests, clients=4, seconds=1, rate=A_SECOND / 200)

    thread = threading.Thread(target=send)
    if port:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if port:
            thread.join()


def until_seen(port: int, key: str, trials: int) -> Table:
    """Let a browser follow the logs; measure how soon after its answer a log is on the page."""
    took = []
    with page_of(VIEWER, port) as page:
        page.goto(f"http://127.0.0.1:{port}/logs?live=1&q=watched")
        for number in range(trials):
            time.sleep(random.random() * 2)  # anywhere between two looks
            word = f"watched-{os.getpid()}-{number}"
            answered = post(port, key, word)
            page.wait_for_selector(f"text={word}", timeout=30_000)
            took.append(time.perf_counter() - answered)
    table = Table("From the answer to the sender to the row on the page, s", ["logs", "p50", "p95", "most"])
    table.add(trials, *(f"{each:.2f}" for each in (median(took), percentile(took, 0.95), max(took))))
    return table


def post(port: int, key: str, message: str) -> float:
    """Send one log; returns when the answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"logs": [{"level": "info", "message": message}]})
    connection.request("POST", "/api/v1/logs/ingest", body, {"x-api-key": key, "Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    at = time.perf_counter()
    assert answer.status == 200, said
    connection.close()
    return at


@contextmanager
def page_of(email: str, port: int) -> Iterator[Any]:
    """Give a page of a browser in which someone is signed in."""
    from django.conf import settings
    from django.test import Client
    from playwright.sync_api import sync_playwright

    from accounts.queries import user_by_email
    from tests.support.browser import CHROMIUM_FLAGS

    client, person = Client(), user_by_email(email)
    assert person
    client.force_login(person)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        context = browser.new_context()
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": f"http://127.0.0.1:{port}"}])
        yield context.new_page()
        browser.close()


@contextmanager
def leaving_nothing(data: Dataset) -> Iterator[None]:
    """Take away afterwards what came in, or others would find logs from after the data set's time in it."""
    from django.db import connection

    from logs.storage import rollup

    began = datetime.now(UTC).replace(second=0, microsecond=0)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM logs WHERE created_at >= %s AND ts >= %s", [began, data.now])
            rollup.repair(began, began + timedelta(days=1))
            cursor.execute(f"VACUUM (ANALYZE) logs_{began:%Y%m%d}, log_counts")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--polls", type=int, default=40)
    parser.add_argument("--trials", type=int, default=15)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    with dataset(chosen.rows) as data, leaving_nothing(data), web() as (port, key):
        tables = [polls(chosen.polls), polls(chosen.polls, port=port, key=key), until_seen(port, key, chosen.trials)]
        text = "\n\n".join([machine(), *(table.markdown() for table in tables)])
    print(text)
    if chosen.write:
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Live tail", text)


if __name__ == "__main__":
    main()
