"""POST /api/v1/logs/ingest: what other loggers write is understood, and what is broken costs itself alone."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from logs.ingest.broken_json import entries_around_errors
from logs.models import LogEntry
from services.models import ApiKey
from tests.logs.conftest import URL, Send
from tests.logs.sending import HELLO, error, stored

pytestmark = pytest.mark.django_db
LENIENT = {"prefer": "handling=lenient"}
NDJSON = "application/x-ndjson"


@pytest.mark.parametrize("headers", [{}, LENIENT])
@pytest.mark.parametrize(
    ("entry", "level", "message"),
    [
        ({"level": 50, "msg": "boom"}, "error", "boom"),  # pino
        ({"level": 20, "msg": "boom", "pid": 7, "hostname": "web", "v": 1}, "debug", "boom"),  # bunyan
        ({"levelname": "ERROR", "message": "boom"}, "error", "boom"),  # python-json-logger
        ({"log.level": "error", "message": "boom", "ecs.version": "1.6.0"}, "error", "boom"),  # ecs-logging
        ({"log": {"level": "error"}, "message": "boom"}, "error", "boom"),  # the same, nested
        ({"severity": "CRITICAL", "message": "boom"}, "error", "boom"),  # Google's
        ({"PRIORITY": "4", "MESSAGE": "boom"}, "warn", "boom"),  # journald
        ({"lvl": "eror", "msg": "boom"}, "error", "boom"),
        ({"level": "warn!", "message": "boom"}, "warn", "boom"),
        ({"level": "E", "message": "boom"}, "error", "boom"),  # glog
        ({"status": 500, "message": "boom"}, "info", "boom"),  # HTTP's, not a level
        ({"level": "info", "severity": "error", "message": "boom"}, "info", "boom"),  # its own field counts
        ({"message": None, "msg": "boom"}, "info", "boom"),
    ],
)
def test_levels_and_messages_of_other_loggers(
    send: Send, headers: dict[str, str], entry: dict[str, Any], level: str, message: str
) -> None:
    assert send([entry], **headers).status_code == 200
    assert (stored().level, stored().message) == (level, message)


@pytest.mark.parametrize("level", ["http", "silly", "loud", "🔥", ""])
def test_a_level_that_no_one_knows_is_info_and_kept(send: Send, level: str) -> None:
    assert send([{"message": "a", "level": level}, {"message": "b"}]).json() == {"data": {"accepted": 2}}
    log = LogEntry.objects.get(message="a")
    assert (log.level, log.meta_json) == ("info", {"level": level})


def test_winstons_transport_in_batches_and_one_by_one(send: Send) -> None:
    levels = ["error", "warn", "info", "http", "verbose", "debug", "silly"]
    lines = [{"level": level, "message": f"at {level}"} for level in levels]
    assert send(lines).json() == {"data": {"accepted": 7}}
    assert send({"level": "error", "message": "alone", "service": "api"}).json() == {"data": {"accepted": 1}}
    assert LogEntry.objects.get(message="alone").meta_json == {"service": "api"}
    assert set(LogEntry.objects.filter(level="error").values_list("message", flat=True)) == {"at error", "alone"}


def test_times_and_ids_of_other_loggers(send: Send) -> None:
    at = (timezone.now() - timedelta(minutes=5)).replace(microsecond=123_000)
    entry = {"@timestamp": at.isoformat(), "message": "a", "trace.id": "ab" * 16, "http.request.id": "r"}
    send([entry])
    assert (stored().ts, stored().trace_id, stored().request_id) == (at, "ab" * 16, "r")
    assert stored().meta_json["trace.id"] == "ab" * 16


@pytest.mark.parametrize("value", ["2001-01-01T00:00:00Z", "noon", 5, None, {}, "9999-12-31T23:59:59Z"])
def test_another_loggers_time_never_costs_the_log(send: Send, value: Any) -> None:
    assert send([{"message": "a", "time": value}]).status_code == 200
    assert abs(stored().ts - timezone.now()) < timedelta(seconds=20)
    assert stored().meta_json == {"time": value}


@pytest.mark.parametrize(
    "bad", [b'{"message": "\xff"}', b'{"message": NaN}', b'{"message": "a\nb"}', b"nonsense", b"{"]
)
@pytest.mark.parametrize("form", ["[%s]", '{"logs": [%s]}', '{"a": [1, {}], "logs" : [%s], "b": "]"}'])
def test_lenient_json_around_an_entry_that_is_none(send: Send, bad: bytes, form: str) -> None:
    start, end = form.encode().split(b"%s")
    body = start + b",\n".join([b'{"message": "one, [\\"two\\"]"}', bad, b'{"message": "three"}']) + end
    response = send(body, **LENIENT)
    if bad == b"{":  # all that follows is inside of it
        error(response, 400, "BAD_REQUEST")
        return
    assert response.json()["data"]["accepted"] == (3 if b"\xff" in bad else 2)
    assert LogEntry.objects.filter(message="three").exists()


def test_lenient_lines_with_bytes_that_are_not_text(send: Send) -> None:
    body = b'{"message": "a"}\n{"message": "b\xff"}\n{"message": "c"}'
    assert send(body, content_type=NDJSON, **LENIENT).json()["data"] == {"accepted": 3, "rejected": 0}
    assert LogEntry.objects.filter(message="b\ufffd").exists()


@pytest.mark.parametrize(
    "body", [b'["' + b'\\"' * 500_000, b"[" * 1_000_000, b'["a" "b",' * 300_000, b'[{"a":NaN}' + b",1" * 400_000]
)
def test_looking_around_errors_takes_no_longer_than_the_body_is_long(body: bytes) -> None:
    began = time.process_time()
    assert entries_around_errors(body) is None
    assert time.process_time() - began < 2


@pytest.mark.parametrize("content_type", ["", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_ndjson_without_a_content_type(send: Send, content_type: str, end: bytes) -> None:
    body = b'{"message": "a"}\n{"message": "b", "extra": 1}' + end
    assert send(body, content_type=content_type).json() == {"data": {"accepted": 2}}


def test_json_on_many_lines_without_a_content_type(send: Send) -> None:
    assert send(json.dumps(HELLO, indent=1).encode(), content_type="").json() == {"data": {"accepted": 1}}
    assert send(b'{"message":\n"a"}', content_type="").json() == {"data": {"accepted": 1}}


def test_lenient_lines_without_a_content_type_one_of_them_broken(send: Send) -> None:
    body = b'{"mess\n{"message": "b"}\n'
    assert send(body, content_type="", **LENIENT).json()["data"] == {"accepted": 1, "rejected": 1}


@pytest.mark.parametrize("content_type", ["application/json", NDJSON])
def test_too_many_lenient_entries_are_413(send: Send, content_type: str) -> None:
    lines = [b'{"message":"a"}'] * 6_000
    body = b"\n".join(lines) if content_type == NDJSON else b"[%s]" % b",".join(lines)
    error(send(body, content_type=content_type, **LENIENT), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("path", [f"{URL}/", f"/{URL.lstrip('/').replace('/', '//')}", f"{URL}//"])
def test_other_spellings_of_the_path(api_key: str, path: str) -> None:
    response = Client().post(path, HELLO, "application/json", headers={"x-api-key": api_key})
    assert response.json() == {"data": {"accepted": 1}}


@pytest.mark.parametrize("path", ["/api/health", "/readyz", "/api/health/"])
def test_probes_may_ask_by_address(path: str) -> None:
    assert Client().get(path, headers={"host": "10.1.2.3"}).status_code in (200, 503)
    assert Client().post(path, headers={"host": "10.1.2.3"}).status_code == 405


@pytest.mark.parametrize("body", [{"logs": []}, [{"message": ""}], [{"message": "a", "timestamp": 0}]])
def test_a_batch_of_which_nothing_is_stored_is_not_the_first_log(send: Send, body: Any) -> None:
    assert send(body, **LENIENT).status_code == 200
    assert ApiKey.objects.get().last_used_at is None
    send(HELLO)
    assert ApiKey.objects.get().last_used_at is not None
