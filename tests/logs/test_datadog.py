"""Datadog: what is stored of what its agents send, and its answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from logs.models import LogEntry
from tests.logs.foreign import JSON, MICROS, NOW, Post

pytestmark = pytest.mark.django_db


def test_datadog(post: Post) -> None:
    log = {
        "message": "boom", "status": "emergency", "timestamp": MICROS // 1000, "ddtags": "env:prod,urgent",
        "service": "shop", "hostname": "web", "dd.trace_id": "123",
    }  # fmt: skip
    response = post(
        "/api/v2/logs", [log, {"message": {"msg": "inner", "level": "warn", "a": 1}}, {"message": "no time"}]
    )
    assert (response.status_code, response.content) == (202, b"{}")
    logs = {log.message: log for log in LogEntry.objects.all()}
    assert (logs["boom"].level, logs["boom"].trace_id) == ("error", "123")
    assert logs["boom"].ts == NOW.replace(microsecond=123_000)
    assert logs["boom"].meta_json == {
        "service": "shop", "hostname": "web", "env": "prod", "ddtags": ["urgent"], "status": "emergency",
    }  # fmt: skip
    assert (logs["inner"].level, logs["inner"].meta_json) == ("warn", {"a": 1})
    assert logs["no time"].ts > NOW + timedelta(minutes=2)  # not that of the one before it


@pytest.mark.parametrize("body", [b"{}", b"[]", b""])
def test_datadogs_question_at_its_start(post: Post, body: bytes) -> None:
    assert post("/api/v2/logs", body).status_code == 202
    assert not LogEntry.objects.exists()


def test_datadog_keys(api_key: str) -> None:
    assert Client().post(f"/v1/input/{api_key}", b"plain text", "text/plain").status_code == 202
    assert Client().post(f"/api/v2/logs?dd-api-key={api_key}", b'{"message":"b"}', JSON).status_code == 202
    assert Client().post("/api/v2/logs", b"{}", JSON).status_code == 403
    assert Client().get("/api/v1/validate", headers={"dd-api-key": api_key}).json() == {"valid": True}
    assert Client().get("/api/v1/validate").status_code == 403
    assert set(LogEntry.objects.values_list("message", flat=True)) == {"plain text", "b"}
