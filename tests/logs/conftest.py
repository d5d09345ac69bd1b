"""A service and who reads its logs; a key and what sends with it; the explorer in a browser; sealing in haste."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import Org, User
from logs.models import LogEntry
from logs.storage.partitions import partitions
from logs.storage.rollup import repair
from pulseops.core.db.advisory_locks import lock_number
from services.models import Environment, Service
from tests.logs.foreign import JSON, Post
from tests.logs.otlp_records import PROTOBUF
from tests.support.factories import make_key, make_log, make_service

URL = "/api/v1/logs/ingest"
Send = Callable[..., Any]


@pytest.fixture
def service(org: Org) -> Service:
    return make_service(org, "api")


@pytest.fixture
def client(client_for: Callable[[User], Client], viewer: User) -> Client:
    """A viewer's, who may read all logs of the organisation."""
    return client_for(viewer)


@pytest.fixture
def environment(org: Org) -> Environment:
    return make_service(org, "api", environments=("production",)).environments.get()


@pytest.fixture
def api_key(environment: Environment) -> str:
    return make_key(environment)


@pytest.fixture
def send(api_key: str) -> Send:
    """Give a function that posts a body, bytes or what is to be JSON; `headers` add to the key's."""

    def post(body: Any, *, content_type: str = "application/json", **headers: str) -> HttpResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(raise_request_exception=False).post(  # type: ignore[return-value]
            URL, content, content_type=content_type, headers={"x-api-key": api_key, **names}
        )

    return post


@pytest.fixture
def busy_service(developer: User) -> Service:
    """Two lines about a charge, one of them an error with a stack, above 121 requests of the last twenty minutes."""
    service = make_service(developer.memberships.get().org, "api")
    now = timezone.now()
    first = make_log(service, "GET /orders 200", ts=now - timedelta(seconds=20))
    place = {"org_id": first.org_id, "service": service, "environment_id": first.environment_id, "level": "info"}
    LogEntry.objects.bulk_create(
        LogEntry(message=f"GET /orders/{n} 200", ts=now - timedelta(seconds=30 + n * 10), **place) for n in range(120)
    )
    repair(org_id=first.org_id)  # the counts of those
    make_log(
        service,
        "charge failed: timed out\n  at pay.py:7\n  at main.py:1",
        ts=now - timedelta(seconds=15),
        level="error",
        meta_json={"user": {"id": 7}},
        trace_id="t-1",
    )
    make_log(service, "charge accepted", ts=now - timedelta(seconds=14), meta_json={"user": {"id": 8}}, trace_id="t-1")
    return service


@pytest.fixture
def explorer(
    page: Page, live_server: Any, sign_in: Callable[[User], None], developer: User, busy_service: Service
) -> Page:
    """The explorer in a browser, with the logs of `busy_service`."""
    sign_in(developer)
    page.goto(f"{live_server.url}/logs")
    return page


def slots_taken(org: Org) -> AbstractContextManager[None]:
    """Let another session hold both of the organisation's slots for slow searches."""
    return locks_taken(f"logs.search:{org.pk}:0", f"logs.search:{org.pk}:1")


@contextmanager
def locks_taken(*names: str) -> Iterator[None]:
    """Let another session hold these advisory locks."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute("SELECT pg_advisory_lock(%s)", [lock_number(name)])
            held.set()
            done.wait(60)
            cursor.execute("SELECT pg_advisory_unlock_all()")  # a session that ends gives them back some time later
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture
def post(api_key: str) -> Post:
    def send(path: str, body: Any, content_type: str = JSON, method: str = "post", **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {"x-api-key": api_key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        client = Client(raise_request_exception=False)
        return getattr(client, method)(path, content, content_type=content_type, headers=names)

    return send


@pytest.fixture
def export(api_key: str) -> Any:
    def post(body: bytes, content_type: str = PROTOBUF, path: str = "/v1/logs", **headers: str) -> Any:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        client = Client(raise_request_exception=False)
        return client.post(path, body, content_type=content_type, headers={"x-api-key": api_key, **names})

    return post


@pytest.fixture
def days_of_march() -> Iterator[None]:
    """Drop the days that a test with transactions of its own has made."""
    yield
    for partition in partitions():
        if partition.name.startswith("logs_202603"):
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE {partition.name}")


@pytest.fixture
def seals_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sealing take all of a processor's time."""
    monkeypatch.setattr("logs.storage.blocks.seal._SHARE", 1.0)


@pytest.fixture(autouse=True)
def _unhurried_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields are counted however slow the machine is just now."""
    for limit in ("_FIELDS_BY", "FACET_SECONDS", "QUICK_SECONDS"):
        monkeypatch.setattr(f"logs.explorer.result_fields.{limit}", 60)
