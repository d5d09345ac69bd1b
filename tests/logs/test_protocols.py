"""Loki, Elasticsearch, Splunk HEC, Datadog, GELF and drains: what is stored of what they send, and their answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import cramjam
import pytest
from django.test import Client, RequestFactory
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.ingest.columns import AcceptedTimes
from logs.ingest.protocols.base import ForeignProtocol
from logs.ingest.protocols.datadog import DatadogProtocol
from logs.ingest.protocols.drains import HttpDrain, VercelDrain
from logs.ingest.protocols.elastic.bulk import BulkProtocol
from logs.ingest.protocols.gelf import GelfProtocol
from logs.ingest.protocols.hec import HecProtocol, RawProtocol
from logs.ingest.protocols.loki import LokiProtocol, _Push
from logs.models import LogEntry
from pulseops.core.web.json_errors import ApiError
from tests.logs.sending import stored

pytestmark = pytest.mark.django_db
JSON = "application/json"
LOKI, BULK, HEC = "/loki/api/v1/push", "/es/_bulk", "/services/collector"
NOW = datetime.now(UTC).replace(microsecond=123_456) - timedelta(minutes=3)
MICROS = int(NOW.timestamp()) * 1_000_000 + NOW.microsecond
Post = Callable[..., Any]


@pytest.fixture
def post(api_key: str) -> Post:
    def send(path: str, body: Any, content_type: str = JSON, method: str = "post", **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {"x-api-key": api_key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        client = Client(raise_request_exception=False)
        return getattr(client, method)(path, content, content_type=content_type, headers=names)

    return send


def push(*entries: tuple[int, bytes], labels: bytes = b'{app="shop", level="warn"}') -> bytes:
    message = _Push()
    stream = message.streams.add(labels=labels)
    for micros, line in entries:
        entry = stream.entries.add(line=line)
        entry.time.seconds, entry.time.nanos = micros // 1_000_000, micros % 1_000_000 * 1_000
    return bytes(message.SerializeToString())


def bulk(*lines: Any) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


# -- Loki -------------------------------------------------------------------------------------------------------------


def test_loki_json(post: Post) -> None:
    stream = {
        "stream": {"app": "shop", "level": "error"},
        "values": [[f"{MICROS}999", "boom", {"trace_id": "ab" * 16}]],
    }
    response = post(LOKI, {"streams": [stream], "unknown": 1})
    assert (response.status_code, response.content) == (204, b"")
    log = stored()
    assert (log.level, log.message, log.trace_id, log.ts) == ("error", "boom", "ab" * 16, NOW)
    assert log.meta_json == {"app": "shop"}


def test_loki_lines_that_are_json_are_lifted(post: Post) -> None:
    line = json.dumps({"level": 50, "time": 1, "msg": "boom", "pid": 7, "order": 1})
    post(LOKI, {"streams": [{"stream": {"app": "shop"}, "values": [[str(MICROS * 1000), line]]}]})
    log = stored()
    assert (log.level, log.message, log.ts) == ("error", "boom", NOW)
    assert log.meta_json == {"app": "shop", "pid": 7, "order": 1, "timestamp_unread": 1} or log.meta_json["order"] == 1


@pytest.mark.parametrize("header", ["snappy", ""])
@pytest.mark.parametrize("content_type", ["application/x-protobuf", ""])
def test_loki_protobuf_is_snappy_whatever_the_header_says(post: Post, header: str, content_type: str) -> None:
    body = bytes(cramjam.snappy.compress_raw(push((MICROS, b"a\xff"), (MICROS, b""), (MICROS, b"b"))))
    assert post(LOKI, body, content_type, content_encoding=header).status_code == 204
    assert set(LogEntry.objects.values_list("message", "level", "ts")) == {("a\ufffd", "warn", NOW), ("b", "warn", NOW)}


@pytest.mark.parametrize(
    ("labels", "meta"),
    [
        (b'{a="1", b-c.d/e="x\\"y", f=`z`}', {"a": "1", "b-c.d/e": 'x"y', "f": "z"}),
        (b'{a="1", a="2"}', {"a": "2"}),
        (b"{}", None),
        (b"not labels", {"labels": "not labels"}),
    ],
)
def test_loki_labels(post: Post, labels: bytes, meta: Any) -> None:
    assert post(LOKI, push((MICROS, b"a"), labels=labels), "application/x-protobuf").status_code == 204
    assert stored().meta_json == meta


def test_loki_of_old(post: Post) -> None:
    entry = {"ts": NOW.isoformat(), "line": "old"}
    assert post("/api/prom/push", {"streams": [{"labels": '{a="b"}', "entries": [entry]}]}).status_code == 204
    assert (stored().message, stored().ts, stored().meta_json) == ("old", NOW, {"a": "b"})


def test_a_hundred_thousand_entries_in_one_push(post: Post) -> None:
    body = bytes(cramjam.snappy.compress_raw(push(*[(MICROS, b"x")] * 100_000)))
    assert post(LOKI, body, "application/x-protobuf").status_code == 204
    assert LogEntry.objects.count() == 100_000


@pytest.mark.parametrize("body", [{"streams": []}, {"streams": [{"stream": {}, "values": []}]}, {}])
def test_loki_with_nothing_in_it(post: Post, body: Any) -> None:
    assert post(LOKI, body).status_code == 204


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"{", JSON), (b"[]", JSON), (b"\xff\xff\xff", "application/x-protobuf")]
)
def test_what_is_no_push(post: Post, body: bytes, content_type: str) -> None:
    response = post(LOKI, body, content_type)
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/ready", "/loki/ready", "/services/collector/health"])
def test_probes_without_a_key(path: str) -> None:
    assert Client().get(path).status_code == 200


# -- Elasticsearch ----------------------------------------------------------------------------------------------------


def test_bulk(post: Post) -> None:
    document = {"@timestamp": NOW.isoformat(), "message": "boom", "log": {"level": "error"}, "trace": {"id": "ab" * 16}}
    response = post(BULK, bulk({"index": {"_index": "x"}}, document), "application/x-ndjson")
    assert response.content == b'{"took":1,"errors":false,"items":[{"index":{"status":201}}]}'
    assert response["X-Elastic-Product"] == "Elasticsearch"
    log = stored()
    assert (log.level, log.message, log.ts, log.trace_id) == ("error", "boom", NOW, "ab" * 16)


def test_bulk_has_an_item_for_each_action(post: Post) -> None:
    old = {"@timestamp": "2001-01-01T00:00:00Z", "message": "old"}
    lines = [
        {"create": {}}, {"message": "a"}, b"", b"\r", {"create": {}}, old, {"delete": {"_id": 1}}, b"{broken",
        b'{"x":1}', {"update": {}}, {"doc": {"message": "b"}}, {"index": {}, "attempts": 0},
        b'{"message": "c", "n": NaN}',        {"index": {}}, b"{broken", {"index": {}},
    ]  # fmt: skip
    items = post("/es/logs-2026/_bulk", bulk(*lines), "", "put").json()["items"]
    statuses = [(name, item["status"]) for each in items for name, item in each.items()]
    assert statuses == [
        ("create", 201), ("create", 400), ("delete", 404), ("index", 400), ("update", 201), ("index", 201),
        ("index", 400), ("index", 400),
    ]  # fmt: skip
    assert set(LogEntry.objects.values_list("message", flat=True)) == {"a", "b", "c"}


def test_bulk_of_nothing_but_bad_logs(post: Post) -> None:
    body = bulk({"create": {}}, {"@timestamp": "2001-01-01T00:00:00Z", "message": "old"})
    assert post(BULK, body).json()["errors"] is True
    assert post(BULK, body, user_agent="Fluent-Bit").json()["errors"] is False  # it would send it for ever
    assert post(BULK, b"no action at all").status_code == 400


def test_a_document_by_itself(post: Post) -> None:
    response = post("/es/logs/_doc", {"message": "a"})
    assert (response.status_code, response.json()["result"]) == (201, "created")
    assert stored().message == "a"


@pytest.mark.parametrize(
    ("method", "path", "key", "value"),
    [
        ("get", "/es", "cluster_name", "pulseops"),
        ("get", "/es/", "tagline", "You Know, for Search"),
        ("get", "/es//_license", "license", None),
        ("get", "/es/_cluster/health?timeout=30s", "status", "green"),
        ("get", "/es/_nodes/http", "nodes", {}),
        ("get", "/es/_ilm/policy/filebeat", None, None),
        ("put", "/es/_index_template/x", "acknowledged", True),
        ("put", "/es/logs-2026", "acknowledged", True),
        ("get", "/es/app/_refresh", "_shards", None),
    ],
)
def test_what_clients_ask_before_they_send(post: Post, method: str, path: str, key: str | None, value: Any) -> None:
    response = post(path, b"", method=method)
    assert (response.status_code, response["X-Elastic-Product"]) == (200, "Elasticsearch")
    if key:
        assert value is None or response.json()[key] == value
    assert Client().get(path).status_code == 401


def test_the_version_is_as_new_as_the_client(api_key: str) -> None:
    headers = {
        "x-api-key": api_key,
        "user-agent": "Elastic-filebeat/9.2.1",
        "accept": "application/vnd.elasticsearch+json; compatible-with=9",
    }
    response = Client().get("/es/", headers=headers)
    assert response.json()["version"]["number"] == "9.2.1"
    assert response["Content-Type"] == "application/vnd.elasticsearch+json;compatible-with=9"
    assert Client().head("/es/logs", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/es/_search", "/es/logs/_search", "/es/_cat/indices", "/es/_sql"])
def test_it_is_no_search_engine(post: Post, path: str) -> None:
    response = post(path, {})
    assert (response.status_code, response.json()["status"]) == (404, 404)


# -- Splunk HEC -------------------------------------------------------------------------------------------------------


def test_hec_events_one_behind_the_other(post: Post) -> None:
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


# -- Datadog ----------------------------------------------------------------------------------------------------------


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


# -- GELF and drains --------------------------------------------------------------------------------------------------


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


# -- All of them ------------------------------------------------------------------------------------------------------

READERS: list[ForeignProtocol] = [
    LokiProtocol(), BulkProtocol(), HecProtocol(), RawProtocol(), DatadogProtocol(), GelfProtocol(), HttpDrain(),
    VercelDrain(),
]  # fmt: skip
NAMES = st.sampled_from(
    [
        "message",
        "msg",
        "log",
        "event",
        "fields",
        "time",
        "timestamp",
        "@timestamp",
        "level",
        "status",
        "severity",
        "trace_id",
        "ddtags",
        "proxy",
        "streams",
        "stream",
        "values",
        "labels",
        "entries",
        "create",
        "index",
        "doc",
        "line",
        "short_message",
        "_x",
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["error", "{}", '{"a":1}', "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("protocol", READERS, ids=lambda each: type(each).__name__)
@given(sent=st.lists(values, max_size=4), glue=st.sampled_from(["\n", "", ",", "\r\n"]), junk=st.binary(max_size=8))
@settings(deadline=None, max_examples=60)
def test_anything_is_read_or_refused(protocol: ForeignProtocol, sent: list[Any], glue: str, junk: bytes) -> None:
    request = RequestFactory().post("/", content_type=JSON)
    texts = [json.dumps(each) for each in sent]
    bodies = [json.dumps(sent).encode(), glue.join(texts).encode(), glue.join(texts).encode() + junk, junk]
    bodies.append(json.dumps({"streams": [{"stream": {}, "values": sent}]}).encode())
    for body in bodies:
        try:
            batch = protocol.read(body, request, AcceptedTimes(timezone.now(), 7))
        except ApiError:
            continue
        assert batch.rejected == len(batch.refused)
        assert all(json.loads(meta) is not None for meta in batch.columns.meta_json if meta)
        protocol.respond(protocol.answer(batch, request), request, is_replayed=False)


@given(number=st.integers(1, 6), bad=st.sets(st.integers(0, 5)))
@settings(deadline=None, max_examples=40)
def test_what_comes_in_is_stored_or_counted_as_refused(number: int, bad: set[int]) -> None:
    request, window = RequestFactory().post("/", content_type=JSON), AcceptedTimes(timezone.now(), 7)
    old = [0.0 if each not in bad else 1_000_000_000 for each in range(number)]
    bodies: list[tuple[ForeignProtocol, Any]] = [
        (LokiProtocol(), {"streams": [{"stream": {}, "values": [[str(int(at) * 10**9), "a"] for at in old]}]}),
        (BulkProtocol(), bulk(*[each for at in old for each in ({"index": {}}, {"time": at, "message": "a"})])),
        (HecProtocol(), b"".join(json.dumps({"event": "a", "time": at}).encode() for at in old)),
        (DatadogProtocol(), [{"message": "a", "timestamp": at} for at in old]),
        (GelfProtocol(), bulk(*[{"short_message": "a", "timestamp": at} for at in old])),
        (HttpDrain(), [{"message": "a", "timestamp": at} for at in old]),
    ]
    for protocol, body in bodies:
        batch = protocol.read(body if isinstance(body, bytes) else json.dumps(body).encode(), request, window)
        assert (len(batch), batch.rejected) == (number - len(bad & {*range(number)}), len(bad & {*range(number)})), (
            protocol
        )
