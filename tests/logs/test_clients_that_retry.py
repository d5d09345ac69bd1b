"""What clients keep when they are told to wait: above a key's rate, and while the database is away.

For three seconds here; SHOW_SECONDS=30 is the same by hand, with clients that send for so long.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
import requests
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.support.installation import Installation, stop

pytestmark = [
    pytest.mark.slow, pytest.mark.xdist_group("installation"), pytest.mark.filterwarnings("ignore")
]  # fmt: skip
SECONDS = float(os.environ.get("SHOW_SECONDS", "3"))
RATE = 6_000  # logs a minute: a hundred a second


@pytest.fixture(scope="module")
def web(installation: Installation) -> Iterator[Installation]:
    twin = installation.twin({**installation.environment, "WEB_WORKERS": "1"})
    process = twin.start_web()
    yield twin
    stop(process)


def stored(web: Installation, like: str) -> tuple[int, int]:
    """Return how many logs there are whose message begins so, and how many different ones."""
    [[logs, messages]] = web.rows(f"SELECT count(*), count(DISTINCT message) FROM logs WHERE message LIKE '{like} %'")
    return int(logs), int(messages)


@contextmanager
def sdk(web: Installation, key: str) -> Iterator[logging.Logger]:
    """Log by OpenTelemetry's SDK, which has room for what is waiting and is patient for longer than its ten seconds."""
    exporter = OTLPLogExporter(endpoint=f"{web.url}/v1/logs", headers={"x-api-key": key}, timeout=SECONDS + 60)
    provider = LoggerProvider()
    provider.add_log_record_processor(
        BatchLogRecordProcessor(exporter, schedule_delay_millis=200, max_queue_size=100_000, max_export_batch_size=100)
    )
    logger = logging.Logger("shop")  # noqa: LOG001 - for this test alone
    logger.addHandler(LoggingHandler(logger_provider=provider))
    try:
        yield logger
        assert provider.force_flush(round(SECONDS + 90) * 1_000)
    finally:
        provider.shutdown()


def test_opentelemetrys_sdk_at_twice_its_keys_rate_loses_nothing(web: Installation) -> None:
    key = web.make_key(rate_per_minute=RATE)
    full = {"streams": [{"stream": {}, "values": [[str(time.time_ns()), f"full {n}"] for n in range(RATE)]}]}
    answer = requests.post(f"{web.url}/loki/api/v1/push", json=full, headers={"x-api-key": key}, timeout=60)
    assert answer.status_code == 204  # the bucket is empty from here on
    sent = 0
    until = time.monotonic() + SECONDS
    with sdk(web, key) as logger:
        while time.monotonic() < until:
            for _ in range(20):
                logger.warning("twice %d", sent)
                sent += 1
            time.sleep(0.1)
    assert sent > SECONDS * 100
    assert stored(web, "twice") == (sent, sent)


@contextmanager
def away(web: Installation) -> Iterator[None]:
    """Let the database take no connections, and end those that it has."""

    web.rows("SELECT 1")  # finds out where it is
    with psycopg.connect(web.database_url, user="postgres", dbname="postgres", autocommit=True) as superuser:
        superuser.execute("ALTER DATABASE pulseops ALLOW_CONNECTIONS false")
        try:
            superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'pulseops'")
            yield
        finally:
            superuser.execute("ALTER DATABASE pulseops ALLOW_CONNECTIONS true")


def patient() -> requests.Session:
    """Return what sends again as Alloy, Vector and Fluent Bit do: after 429 and 5xx."""
    session = requests.Session()
    retry = Retry(100, backoff_factor=0.2, backoff_max=1, status_forcelist=[429, 500, 502, 503], allowed_methods=None)
    session.mount("http://", HTTPAdapter(max_retries=retry))
    return session


def loki(web: Installation, key: str) -> Callable[[str], None]:
    session = patient()

    def send(line: str) -> None:
        body = {"streams": [{"stream": {}, "values": [[str(time.time_ns()), line]]}]}
        answer = session.post(f"{web.url}/loki/api/v1/push", json=body, headers={"x-api-key": key}, timeout=120)
        assert answer.status_code == 204

    return send


def elastic(web: Installation, key: str) -> Callable[[str], None]:
    session = patient()

    def send(line: str) -> None:
        body = f'{{"create":{{}}}}\n{json.dumps({"message": line})}\n'
        answer = session.post(f"{web.url}/es/_bulk", body, headers={"x-api-key": key}, timeout=120)
        assert answer.json()["errors"] is False

    return send


def test_the_database_away_loses_and_doubles_nothing(web: Installation) -> None:
    key = web.make_key()
    over = threading.Event()
    sent: dict[str, int] = {}

    def keep_sending(name: str, send: Callable[[str], None]) -> None:
        for number in count():
            if over.is_set():
                return
            send(f"{name} {number}")
            sent[name] = number + 1
            time.sleep(0.02)

    with sdk(web, key) as logger:
        clients: dict[str, Any] = {"loki": loki(web, key), "elastic": elastic(web, key), "otlp": logger.warning}
        threads = [threading.Thread(target=keep_sending, args=each) for each in clients.items()]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        with away(web):
            time.sleep(SECONDS)
            assert requests.get(f"{web.url}/api/health", timeout=60).status_code == 200
        time.sleep(0.5)
        over.set()
        for thread in threads:
            thread.join(120)
    for name, number in sent.items():
        assert stored(web, name) == (number, number), name
