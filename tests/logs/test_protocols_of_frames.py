"""Heroku's logplex and Firehose: deliveries that have an id of their own."""

from __future__ import annotations

import base64
import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.ingest.syslog import frames_of, read_line
from logs.models import LogEntry

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC).replace(microsecond=252_159) - timedelta(minutes=2)


def frame(text: str) -> bytes:
    content = text.encode()
    return b"%d %b" % (len(content), content)


def heroku(api_key: str, body: bytes, frame_id: str = "f-1") -> Any:
    credentials = base64.b64encode(f"any:{api_key}".encode()).decode()
    headers = {"authorization": f"Basic {credentials}", "logplex-frame-id": frame_id, "logplex-msg-count": "2"}
    return Client().post("/drains/heroku", body, "application/logplex-1", headers=headers)


def test_heroku(api_key: str) -> None:
    body = b"".join(
        frame(text)
        for text in (
            f"<190>1 {AT.isoformat()} host app web.3 - State changed from starting to up\n",
            f"<158>1 {AT.isoformat()} host heroku router - at=error code=H12 status=503\n",
            f'<190>1 {AT.isoformat()} host app web.1 - {{"level": 40, "msg": "slow", "order": 7}}\n',
        )
    )
    for _ in range(2):  # sent again, stored once
        assert heroku(api_key, body).status_code == 204
    logs = {log.message: log for log in LogEntry.objects.all()}
    assert LogEntry.objects.count() == 3
    up = logs["State changed from starting to up"]
    assert (up.level, up.ts) == ("info", AT)
    assert up.meta_json == {"facility": 23, "hostname": "host", "appname": "app", "procid": "web.3"}
    assert logs["at=error code=H12 status=503"].level == "error"
    assert (logs["slow"].level, logs["slow"].meta_json["order"]) == ("warn", 7)
    assert heroku(api_key, body, "f-2").status_code == 204
    assert LogEntry.objects.count() == 6


@pytest.mark.parametrize(
    ("line", "level", "message", "meta"),
    [
        (
            '<11>1 {iso} vm shop - - [timeQuality tzKnown="1"][x@32473 order="47\\"11"] tcp',
            "error", "tcp",
            {"hostname": "vm", "appname": "shop", "timeQuality.tzKnown": "1", "x@32473.order": '47"11'},
        ),
        ("<12>1 {iso} vm y 4803 - - \ufefftext", "warn", "text", {"hostname": "vm", "appname": "y", "procid": "4803"}),
        ("<13>{bsd} vm shop[12]: tcp 3164", "info", "tcp 3164", {"hostname": "vm", "appname": "shop", "procid": "12"}),
        ("<11>stdlib SysLogHandler\0", "error", "stdlib SysLogHandler", {}),
        ("no priority", "info", "no priority", None),
        ("<999>odd", "info", "<999>odd", None),
    ],
)  # fmt: skip
def test_lines_of_syslog(line: str, level: str, message: str, meta: Any) -> None:
    text = line.replace("{iso}", AT.isoformat()).replace("{bsd}", AT.strftime("%b %d %H:%M:%S"))
    row = read_line(text.encode(), timezone.now())
    assert (row[1], row[2]) == (level, message)
    stored = json.loads(row[3]) if row[3] else None
    assert stored == ({"facility": 1, **meta} if meta is not None else None)
    if "{iso}" in line:
        assert row[0] == int(AT.timestamp()) * 1_000_000 + AT.microsecond


def test_a_december_line_in_january() -> None:
    row = read_line(b"<13>Dec 31 23:59:59 vm shop: x", datetime(2026, 1, 1, tzinfo=UTC))
    assert row[0] == int(datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 1_000_000


@given(body=st.binary(max_size=80) | st.text(max_size=60, alphabet='<>1 9-[]="\\ab:\n').map(str.encode))
@settings(deadline=None, max_examples=300)
def test_any_frame_is_read(body: bytes) -> None:
    for each in frames_of(body):
        read_line(each, timezone.now())


@pytest.mark.parametrize(
    "text", ["<1>1 - - - - - " + "[a " * 300_000, "<1>1 - - - - - [a" + ' b="\\' * 300_000, "<" * 900_000]
)
def test_a_line_takes_no_longer_than_it_is_long(text: str) -> None:
    began = time.process_time()
    read_line(text.encode(), timezone.now())
    assert time.process_time() - began < 1


def firehose(api_key: str, *records: bytes, request_id: str = "r-1") -> Any:
    body = {
        "requestId": request_id,
        "timestamp": 1,
        "records": [{"data": base64.b64encode(each).decode()} for each in records],
    }
    headers = {
        "x-amz-firehose-access-key": api_key,
        "x-amz-firehose-request-id": request_id,
        "x-amz-firehose-common-attributes": '{"commonAttributes": {"env": "prod"}}',
    }
    return Client().post("/firehose", json.dumps(body), "application/json", headers=headers)


def test_firehose(api_key: str) -> None:
    events = [{"id": "1", "timestamp": int(AT.timestamp() * 1000), "message": '{"level":"error","message":"boom"}\n'}]
    cloud_watch = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", "logEvents": events}
    control = {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL MESSAGE"}]}
    records = [gzip.compress(json.dumps(each).encode()) for each in (cloud_watch, control)]
    for _ in range(2):
        response = firehose(api_key, *records, b"plain\ntext\n")
        assert (response.status_code, response.json()["requestId"]) == (200, "r-1")
    logs = {log.message: log for log in LogEntry.objects.all()}
    assert set(logs) == {"boom", "plain", "text"}
    assert (logs["boom"].level, logs["boom"].ts) == ("error", AT.replace(microsecond=252_000))
    assert logs["boom"].meta_json == {"env": "prod", "logGroup": "g", "logStream": "s"}


def test_firehose_refusals_repeat_the_id(api_key: str) -> None:
    response = firehose("pol_unknown", b"x")
    assert (response.status_code, response.json()["requestId"]) == (403, "r-1")
    assert "errorMessage" in response.json()
    assert firehose(api_key, b"\x1f\x8bbroken", b"fine", request_id="r-2").status_code == 200
    assert LogEntry.objects.get().message == "fine"
    bomb = gzip.compress(b" " * 30_000_000)
    assert firehose(api_key, bomb, request_id="r-3").status_code == 200  # that record alone is left out
