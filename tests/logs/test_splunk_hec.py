"""Splunk HEC: what is stored of events and lines, and its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from logs.models import LogEntry
from tests.logs.foreign import JSON, MICROS, NOW, Post

pytestmark = pytest.mark.django_db
HEC = "/services/collector"


def test_hec_events_one_after_the_other(post: Post) -> None:
    at = f"{MICROS / 1e6:.6f}"
    events = [
        {
            "time": float(at),
            "host": "web-1",
            "event": {"message": "a }{ b", "severity": "error"},
            "fields": {"region": "eu"},
        },
        {"time": at, "event": "text", "fields": {"level": "warn"}},
        {"event": {"line": json.dumps({"msg": "docker", "level": 40}), "source": "stdout", "tag": "t"}},
        {"event": {"n": 1}},
    ]
    for glue in ("", "\n", "\r\n"):
        LogEntry.objects.all().delete()
        body = glue.join(json.dumps(each, separators=(",", ":")) for each in events).encode()
        response = post(HEC, body, "application/x-www-form-urlencoded")
        assert (response.status_code, response.json()) == (200, {"text": "Success", "code": 0})
        logs = {log.message: log for log in LogEntry.objects.all()}
        assert (logs["a }{ b"].level, logs["a }{ b"].ts) == ("error", NOW)
        assert logs["a }{ b"].meta_json == {"host": "web-1", "region": "eu"}
        assert (logs["text"].level, logs["text"].ts) == ("warn", NOW)
        assert (logs["docker"].level, logs["docker"].meta_json) == ("warn", {"source": "stdout", "tag": "t"})
        assert logs['{"n":1}'].level == "info"


@pytest.mark.parametrize(
    "event",
    [
        {"message": {"message": "failed", "trace_id": "t1", "order": 1}, "severity": "error"},  # splunk-logging
        {  # winston-splunk-httplogger
            "message": {"msg": "failed", "meta": {"order": 1, "trace_id": "t1", "level": "debug"}},
            "severity": "error",
        },
    ],
)
def test_hec_events_whose_message_is_an_object(post: Post, event: dict[str, Any]) -> None:
    assert post(HEC, {"event": event}).status_code == 200
    log = LogEntry.objects.get()
    assert (log.message, log.trace_id) == ("failed", "t1")
    assert log.meta_json["order"] == 1


def test_dockers_driver_is_answered_when_a_container_starts(post: Post) -> None:
    """As moby's daemon/logger/splunk asks, and then sends, by its source."""
    assert post(f"{HEC}/event/1.0", b"", method="options").status_code == 200
    event = {"line": "ready", "source": "stderr", "tag": "3f9a0c51d2e8"}
    body = {"event": event, "time": f"{MICROS / 1e6:.6f}", "host": "web-1"}
    assert post(f"{HEC}/event/1.0", body).status_code == 200
    log = LogEntry.objects.get()
    assert (log.message, log.ts) == ("ready", NOW)
    assert log.meta_json == {"source": "stderr", "tag": "3f9a0c51d2e8", "host": "web-1"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, 5),
        (b"{nonsense", 400, 6),
        (b'{"time": 1}', 400, 12),
        (b'{"event": ""}', 400, 13),
        (b'{"event": "a"}{"event": ""}', 200, 0),
    ],
)
def test_hec_codes(post: Post, body: bytes, status: int, code: int) -> None:
    response = post(HEC, body)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_hec_keys_and_lines(api_key: str, post: Post) -> None:
    splunk = {"authorization": f"Splunk {api_key}"}
    assert Client().post(f"{HEC}/event", b'{"event":"a"}', JSON, headers=splunk).json()["code"] == 0
    assert Client().post(f"{HEC}/event", b'{"event":"a"}', JSON).json() == {"text": "Token is required", "code": 2}
    unknown = {"authorization": "Splunk pol_unknown"}
    assert Client().post(HEC, b"{}", JSON, headers=unknown).json() == {"text": "Invalid token", "code": 4}
    assert Client().post(f"{HEC}/raw?token={api_key}&host=web", b"one\n\ntwo\n", "text/plain").status_code == 200
    assert LogEntry.objects.get(message="two").meta_json == {"host": "web"}
    assert post(f"{HEC}/ack", b"").json()["code"] == 14
