"""Clients that no registry here has: the requests that their sources make, to the address that their text names.

Sources: elastic/beats libbeat/esleg/eslegclient, logstash-output-elasticsearch http_client.rb, grafana/loki
clients/pkg/promtail/client, fluentd out_http.rb, moby daemon/logger/splunk, datadog-agent pkg/logs/client/http, the
Collector's exporter/otlphttpexporter; Heroku's, Vercel's and Cloudflare's documentation of their drains.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import cramjam
import pytest
from django.test import Client
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from pytest_django.fixtures import Settings

from logs.ingest.protocols.loki import _Push
from logs.models import LogEntry
from services.models import ApiKey
from services.snippets import filled_groups

pytestmark = pytest.mark.django_db
AT = datetime.now(UTC).replace(microsecond=123_456)
MICROS = round(AT.timestamp() * 1_000_000)
LINE = json.dumps({"level": "error", "msg": "charge failed", "trace_id": "t1", "order": 7})


@dataclass(frozen=True, slots=True)
class Step:
    """A request, and what is to be true of its answer: the status, and `holds` of it."""

    method: str
    path: str
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    holds: Callable[[Any], bool] = lambda answer: True


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def lines(*documents: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in documents)


def otlp(key: str, user_agent: str) -> list[Step]:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(
        time_unix_nano=MICROS * 1_000, severity_number=17, severity_text="ERROR"
    )  # fmt: skip
    record.body.string_value = "charge failed"
    record.attributes.add(key="order").value.int_value = 7
    record.attributes.add(key="trace_id").value.string_value = "t1"
    headers = {"x-api-key": key, "user-agent": user_agent, "content-encoding": "gzip"}
    headers["content-type"] = "application/x-protobuf"
    body = gzip.compress(request.SerializeToString())
    return [Step("POST", "/v1/logs", body, 200, headers, lambda answer: not answer.content)]


def filebeat(key: str) -> list[Step]:
    """Its connection asks for version and license; each bulk must have an item for each action, in order."""
    headers = {"authorization": basic("any", key), "user-agent": "Elastic-filebeat/8.17.1 (linux; amd64)"}
    headers["content-type"] = "application/json; charset=UTF-8"
    document = {"@timestamp": f"{AT:%Y-%m-%dT%H:%M:%S.%f}Z", "message": LINE, "agent": {"type": "filebeat"}}
    bulk = lines({"create": {"_index": "filebeat-8.17.1"}}, document)
    return [
        Step("GET", "/es/", b"", 200, headers, lambda answer: answer.json()["version"]["number"] >= "8.17.1"),
        Step("GET", "/es/_license?human=false", b"", 200, headers,
             lambda answer: answer.json()["license"]["status"] == "active"),
        Step("POST", "/es/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status", bulk, 200, headers,
             lambda answer: answer.json()["items"] == [{"create": {"status": 201}}]),
    ]  # fmt: skip


def logstash(key: str) -> list[Step]:
    """Its pool looks whether the address lives, and of what product it is, by a header."""
    headers = {
        "authorization": basic("any", key),
        "user-agent": "Logstash/8.17.0 (OS=Linux; JVM=Eclipse) logstash-output",
    }
    document = {"@timestamp": f"{AT:%Y-%m-%dT%H:%M:%S.%f}Z", "@version": "1", "message": LINE, "host": {"name": "web"}}
    bulk = gzip.compress(lines({"index": {"_index": "logs"}}, document))
    product: Callable[[Any], bool] = lambda answer: answer["X-Elastic-Product"] == "Elasticsearch"  # noqa: E731
    return [
        Step("HEAD", "/es/", b"", 200, headers, product),
        Step("GET", "/es/", b"", 200, headers, product),
        Step("GET", "/es/_license", b"", 200, headers, product),
        Step("POST", "/es/_bulk", bulk, 200, {**headers, "content-encoding": "gzip"},
             lambda answer: answer.json()["errors"] is False and len(answer.json()["items"]) == 1),
    ]  # fmt: skip


def push(key: str, user_agent: str) -> list[Step]:
    message = _Push()
    entry = message.streams.add(labels=b'{filename="/var/log/shop/a.log", service="shop"}').entries.add(
        line=LINE.encode()
    )
    entry.time.seconds, entry.time.nanos = MICROS // 1_000_000, MICROS % 1_000_000 * 1_000
    headers = {"authorization": f"Bearer {key}", "user-agent": user_agent, "content-encoding": "snappy"}
    headers["content-type"] = "application/x-protobuf"
    body = bytes(cramjam.snappy.compress_raw(message.SerializeToString()))
    return [Step("POST", "/loki/api/v1/push", body, 204, headers)]


def vector(key: str) -> list[Step]:
    """Its http sink sends arrays of events, with an RFC 3339 time of nanoseconds."""
    event = {"file": "/var/log/shop/a.log", "host": "web", "message": LINE, "source_type": "file"}
    event["timestamp"] = f"{AT:%Y-%m-%dT%H:%M:%S.%f}100Z"
    headers = {"x-api-key": key, "user-agent": "Vector/0.58.0 (x86_64-unknown-linux-gnu)", "content-encoding": "gzip"}
    headers["content-type"] = "application/json"
    return [Step("POST", "/drains/http", gzip.compress(json.dumps([event]).encode()), 200, headers)]


def fluent_bit(key: str) -> list[Step]:
    """Its http output sends arrays of records, the time among them under the name that it is told."""
    record = {"timestamp": f"{AT:%Y-%m-%dT%H:%M:%S.%f}Z", "log": LINE}
    headers = {"x-api-key": key, "user-agent": "Fluent-Bit", "content-encoding": "gzip"}
    headers["content-type"] = "application/json"
    return [Step("POST", "/drains/http", gzip.compress(json.dumps([record]).encode()), 200, headers)]


def fluentd(key: str) -> list[Step]:
    headers = {"x-api-key": key, "content-type": "application/x-ndjson", "user-agent": "Ruby"}
    return [Step("POST", "/drains/http", lines({"message": LINE}), 200, headers)]


def datadog_agent(key: str) -> list[Step]:
    """It posts an empty object to see whether the address takes logs over HTTP."""
    headers = {"dd-api-key": key, "content-type": "application/json", "user-agent": "datadog-agent/7.62.0"}
    headers |= {"dd-protocol": "agent-json", "dd-evp-origin": "agent", "dd-evp-origin-version": "7.62.0"}
    log = {"message": LINE, "status": "error", "timestamp": MICROS // 1_000, "hostname": "web", "service": "shop",
           "ddsource": "shop", "ddtags": "env:prod,version:2"}  # fmt: skip
    return [
        Step("POST", "/api/v2/logs", b"{}", 202, {**headers}),
        Step("POST", "/api/v2/logs", gzip.compress(json.dumps([log]).encode()), 202,
             {**headers, "content-encoding": "gzip"}, lambda answer: answer.json() == {}),
    ]  # fmt: skip


def docker(key: str) -> list[Step]:
    headers = {"authorization": f"Splunk {key}", "content-encoding": "gzip", "user-agent": "Go-http-client/1.1"}
    message = {
        "event": {"line": LINE, "source": "stderr", "tag": "3f9a0c51d2e8"},
        "time": f"{MICROS / 1e6:.6f}",
        "host": "web",
    }
    body = gzip.compress(json.dumps(message, separators=(",", ":")).encode())
    return [
        Step("OPTIONS", "/services/collector/event/1.0", b"", 200),
        Step("POST", "/services/collector/event/1.0", body, 200, headers),
    ]


def heroku(key: str) -> list[Step]:
    """A frame whose answer was lost comes again under its name, and is stored once."""
    frame = f"<190>1 {AT:%Y-%m-%dT%H:%M:%S.%f}+00:00 host app web.1 - {LINE}\n"
    headers = {"authorization": basic("any", key), "content-type": "application/logplex-1", "user-agent": "Logplex/v72"}
    headers |= {
        "logplex-msg-count": "1",
        "logplex-frame-id": "09C557EAFCFB6CF2740EE62F62971098",
        "logplex-drain-token": "d.1",
    }
    return [Step("POST", "/drains/heroku", f"{len(frame.encode())} {frame}".encode(), 204, headers)] * 2


def vercel(key: str) -> list[Step]:
    """It asks once whether the address is its owner's, by a value that is to come back."""
    path, headers = "/drains/vercel?verify=v1", {"x-api-key": key, "user-agent": "Vercel"}
    verified: Callable[[Any], bool] = lambda answer: answer["x-vercel-verify"] == "v1"  # noqa: E731
    log = {"id": "1", "deploymentId": "d", "source": "lambda", "host": "shop.test", "timestamp": MICROS // 1_000,
           "projectId": "p", "level": "error", "message": LINE, "type": "stderr"}  # fmt: skip
    ndjson = {**headers, "content-type": "application/x-ndjson"}
    return [
        Step("POST", path, b"[]", 200, {**headers, "content-type": "application/json"}, verified),
        Step("POST", path, lines(log), 200, ndjson, verified),
    ]


def cloudflare(key: str) -> list[Step]:
    """It turns header_… of the address into headers, and tries the address with a small file first."""
    path = "/drains/http?message=ClientRequestURI&time=EdgeStartTimestamp"
    headers = {"x-api-key": key, "content-encoding": "gzip", "content-type": "text/plain; charset=utf-8"}
    row = {"EdgeStartTimestamp": f"{AT:%Y-%m-%dT%H:%M:%S.%f}Z", "ClientRequestURI": LINE, "EdgeResponseStatus": 500}
    return [
        Step("POST", path, gzip.compress(b'{"content":"tests"}'), 200, headers),
        Step("POST", path, gzip.compress(lines(row)), 200, headers),
    ]


def journald(key: str) -> list[Step]:
    """systemd's journal-upload.c appends /upload to its address, and sends the journal export format."""
    entry = f"__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP={MICROS}\nPRIORITY=3\nSYSLOG_IDENTIFIER=shop\nMESSAGE={LINE}\n\n"
    headers = {"authorization": basic("any", key), "user-agent": "systemd-journal-upload 252 (252.39-1~deb12u2)"}
    headers["content-type"] = "application/vnd.fdo.journal"
    return [Step("POST", "/journald/upload", entry.encode(), 200, headers)]


MILLISECONDS = AT.replace(microsecond=123_000)
CLIENTS: dict[str, tuple[Callable[[str], list[Step]], str, datetime | None]] = {
    "otel-java.sh": (lambda key: otlp(key, "OTel-OTLP-Exporter-Java/1.55.0"), "ENDPOINT=http://testserver\n", AT),
    "otel-go.go": (lambda key: otlp(key, "OTel OTLP Exporter Go/0.14.0"), "ENDPOINT=http://testserver\n", AT),
    "otel-dotnet.sh": (lambda key: otlp(key, "OTel-OTLP-Exporter-Dotnet/1.13.0"), "ENDPOINT=http://testserver\n", AT),
    "collector.yaml": (lambda key: otlp(key, "OpenTelemetry Collector Contrib/0.135.0 (linux/amd64)"),
                       "endpoint: http://testserver\n", AT),
    "kubernetes.yaml": (lambda key: otlp(key, "OpenTelemetry Collector for Kubernetes/0.135.0 (linux/amd64)"),
                        "endpoint: http://testserver\n", AT),
    "heroku-fir.sh": (lambda key: otlp(key, "heroku-otel"), "telemetry:add http://testserver ", AT),
    "vector.yaml": (vector, "uri: http://testserver/drains/http\n", AT),
    "fluent-bit.yaml": (fluent_bit, "uri: /drains/http\n", AT),
    "fluentd.conf": (fluentd, "endpoint http://testserver/drains/http\n", None),
    "filebeat.yml": (filebeat, '"http://testserver:80/es"', AT),
    "logstash.conf": (logstash, '"http://testserver:80/es"', AT),
    "alloy.alloy": (lambda key: push(key, "Alloy/v1.11.0 (linux; binary)"), '"http://testserver/loki/api/v1/push"', AT),
    "promtail.yaml": (lambda key: push(key, "promtail/3.6.5"), "url: http://testserver/loki/api/v1/push\n", AT),
    "datadog.yaml": (datadog_agent, "logs_dd_url: testserver:80\n", MILLISECONDS),
    "journald.conf": (journald, "@testserver/journald\n", AT),
    "docker.sh": (docker, "splunk-url=http://testserver ", AT),
    "heroku.sh": (heroku, "@testserver/drains/heroku'", AT),
    "vercel.txt": (vercel, "http://testserver/drains/vercel?verify=", MILLISECONDS),
    "cloudflare.sh": (cloudflare, "testserver/drains/http?message=ClientRequestURI&time=EdgeStartTimestamp&", AT),
}  # fmt: skip


@pytest.mark.parametrize("filename", CLIENTS)
def test_the_requests_of_its_source_are_understood(filename: str, api_key: str, settings: Settings) -> None:
    settings.PUBLIC_URL = "http://testserver"
    (code,) = (each.code for group in filled_groups(api_key) for each in group.snippets if each.filename == filename)
    steps, address, at = CLIENTS[filename]
    assert address in code
    for step in steps(api_key):
        content_type = step.headers.get("content-type", "text/plain")
        headers = {name: value for name, value in step.headers.items() if name != "content-type"}
        answer = Client().generic(step.method, step.path, step.body, content_type, headers=headers)
        assert answer.status_code == step.status, answer.content
        assert step.holds(answer), answer.content
    log = LogEntry.objects.get(message="charge failed")
    assert (log.level, log.trace_id, log.meta_json["order"]) == ("error", "t1", 7)
    assert at is None or log.ts == at
    assert ApiKey.objects.get().last_used_at is not None


def test_every_text_that_is_not_run_has_its_requests_here() -> None:
    texts = {each.filename for group in filled_groups() for each in group.snippets if not each.client.is_run}
    # test_protocols_of_frames.py has Firehose's, test_gelf_sockets.py those of what speaks no HTTP.
    assert texts - {"firehose.sh", "syslog.sh"} == set(CLIENTS)
