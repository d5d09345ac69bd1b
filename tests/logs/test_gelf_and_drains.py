"""GELF and drains: what is stored of what they send, and their answers."""

from __future__ import annotations

import gzip
import json

import pytest

from logs.models import LogEntry
from tests.logs.foreign import MICROS, NOW, Post
from tests.logs.sending import stored

pytestmark = pytest.mark.django_db


def test_gelf(post: Post) -> None:
    one = {
        "version": "1.1", "host": "web", "short_message": "boom", "full_message": "long", "level": 3,
        "timestamp": MICROS / 1e6, "_user": 7,
    }  # fmt: skip
    body = json.dumps(one).encode() + b"\n" + json.dumps({"short_message": "b", "level": "7"}).encode() + b"\0"
    response = post("/gelf", body)
    assert (response.status_code, response.content) == (202, b"")
    log = LogEntry.objects.get(message="boom")
    assert (log.level, log.ts) == ("error", NOW)
    assert log.meta_json == {"host": "web", "full_message": "long", "user": 7}
    assert LogEntry.objects.get(message="b").level == "debug"
    assert post("/gelf", b"nonsense").status_code == 400


def test_a_drain_with_names_of_its_own(post: Post) -> None:
    body = gzip.compress(
        json.dumps({"ev": {"text": "boom"}, "at": MICROS // 1000, "sev": "ERROR", "noise": 1}).encode()
    )
    response = post(
        "/drains/http?message=ev.text&time=at&ignore=noise", body, content_encoding="gzip", x_pulseops_level="sev"
    )
    assert response.json() == {"data": {"accepted": 1, "rejected": 0}}
    log = stored()
    assert (log.message, log.level, log.ts) == ("boom", "error", NOW.replace(microsecond=123_000))
    assert log.meta_json["ev"] == {"text": "boom"}
    assert "noise" not in log.meta_json


def test_vercel(post: Post) -> None:
    access = {"id": "1", "timestamp": MICROS // 1000, "proxy": {"method": "GET", "path": "/a", "statusCode": 503}}
    response = post("/drains/vercel?verify=abc", [access, {"message": "hi", "level": "fatal", "requestId": "r"}])
    assert (response.status_code, response["x-vercel-verify"]) == (200, "abc")
    assert LogEntry.objects.get(message="GET /a 503").level == "error"
    assert (LogEntry.objects.get(message="hi").level, LogEntry.objects.get(message="hi").request_id) == ("error", "r")
