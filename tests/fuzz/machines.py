"""Good requests to every route that machines call: what the fuzzer begins with."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.urls import reverse

from deployments.github.signatures import derive_secret
from deployments.models import GitHubIntegration
from tests.deployments.github import SHA, encode, payload, sign
from tests.logs.foreign import bulk, push
from tests.logs.test_otlp import record, request_of
from tests.test_urlconf import routes
from tests.visits.pages import no_row

_JSON, _TEXT = "application/json", "text/plain"
_AT = (datetime.now(UTC) - timedelta(minutes=2)).replace(microsecond=0)
_SECONDS = int(_AT.timestamp())


@dataclass(frozen=True, slots=True)
class Seed:
    """One good request; `secret` signs its body anew after it was changed, as GitHub does."""

    path: str
    body: bytes
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    method: str = "POST"


def machine_paths() -> set[str]:
    """Return the paths of all routes that machines call, of the URLconf; those with an id have that of no row."""
    called = ((name, arguments) for name, view, arguments in routes() if getattr(view, "is_machine_route", False))
    return {reverse(name, kwargs={each: no_row(each) for each in arguments}) for name, arguments in called}


def seeds(api_key: str, integration: GitHubIntegration, cron_secret: str) -> list[Seed]:
    """Return good requests of every kind; routes without one of their own get one that fits many."""
    known = {"x-api-key": api_key}
    made = [Seed(path, body, kind, {**known, **more}) for path, kinds in _logs().items() for body, kind, more in kinds]
    basic = base64.b64encode(f"any:{api_key}".encode()).decode()
    made += [
        Seed("/drains/heroku", _heroku(), "application/logplex-1", {"authorization": f"Basic {basic}"}),
        Seed(
            "/firehose", _firehose(), _JSON, {"x-amz-firehose-access-key": api_key, "x-amz-firehose-request-id": "r-1"}
        ),
        Seed("/services/collector", b'{"event":"a"}', _JSON, {"authorization": f"Splunk {api_key}"}),
        Seed(f"/v1/input/{api_key}", b"plain text", _TEXT),
    ]
    made += _webhooks(integration)
    cron = {"x-internal-cron-secret": cron_secret}
    for path in sorted(machine_paths() - {seed.path for seed in made}):
        made.append(Seed(path, b"{}", headers=cron if "/cron/" in path else known))
        made.append(Seed(path, b'{"a":1}', headers=known, method="GET"))
    return made


def _logs() -> dict[str, list[tuple[bytes, str, dict[str, str]]]]:
    log = {"level": "error", "message": "boom", "timestamp": _AT.isoformat(), "meta": {"a": 1, "b": [1, "x"], "c": {"d": None}},
           "trace_id": "t", "request_id": "r"}  # fmt: skip
    lines = b"\n".join(json.dumps({**log, "message": f"line {number}"}).encode() for number in range(3))
    otlp = {"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeLogs": [{"logRecords": [{"timeUnixNano": str(_SECONDS * 10**9), "severityNumber": 17, "traceId": "5b" * 16,
            "body": {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "7"}]}}}]}},
            "attributes": [{"key": "d", "value": {"doubleValue": 1.5}}]}]}]}]}  # fmt: skip
    loki = {"streams": [{"stream": {"app": "shop"}, "values": [[f"{_SECONDS}000000000", "hello", {"trace_id": "t"}]]}]}
    hec = {
        "time": _SECONDS,
        "host": "h",
        "sourcetype": "_json",
        "event": {"message": "boom", "level": "error"},
        "fields": {"a": 1},
    }
    dog = {
        "message": "boom",
        "status": "emergency",
        "timestamp": _SECONDS * 1000,
        "ddtags": "env:prod,urgent",
        "service": "shop",
    }
    gelf = {
        "version": "1.1",
        "host": "web",
        "short_message": "boom",
        "level": 3,
        "timestamp": _SECONDS + 0.5,
        "_user": 7,
    }
    vercel = {"id": "1", "timestamp": _SECONDS * 1000, "proxy": {"method": "GET", "path": "/a", "statusCode": 503}}
    documents = bulk(
        {"create": {"_index": "logs"}}, {"@timestamp": _AT.isoformat(), "message": "a", "log": {"level": "warn"}}
    )

    def js(content: object, **more: str) -> tuple[bytes, str, dict[str, str]]:
        return json.dumps(content).encode(), _JSON, more

    protobuf = "application/x-protobuf"
    return {
        "/api/v1/logs/ingest": [js(log), js([log, log]), js({"logs": [log]}), (lines, "application/x-ndjson", {}),
                                js([log, 1, {"message": 2}], **{"x-pulseops-handling": "lenient", "idempotency-key": "k"})],
        "/api/v1/logs/ingest?handling=lenient": [js([log, 1, {"message": 2}]), (lines, "application/x-ndjson", {})],
        "/v1/logs": [js(otlp), (request_of(record(), record("b"), a="b"), protobuf, {})],
        "/otlp/v1/logs": [(request_of(record()), protobuf, {})],
        "/loki/api/v1/push": [js(loki), (push((_SECONDS * 10**6, b"hello")), protobuf, {})],
        "/api/prom/push": [js(loki)],
        "/es/_bulk": [(documents, "application/x-ndjson", {})],
        "/es/logs/_bulk": [(documents, _JSON, {})],
        "/es/logs/_doc": [js({"@timestamp": _AT.isoformat(), "message": "a"})],
        "/es/_bulk?filter_path=errors": [(documents, "application/x-ndjson", {})],
        "/services/collector": [js(hec), (json.dumps(hec).encode() * 3, _TEXT, {})],
        "/services/collector/raw?host=web": [(b"one\ntwo\n", _TEXT, {})],
        "/api/v2/logs": [js([dog]), js(dog), (b"plain\nlines", _TEXT, {})],
        "/gelf": [js(gelf), (json.dumps(gelf).encode() + b"\0" + json.dumps(gelf).encode(), _JSON, {})],
        "/drains/http?message=text&level=severity&time=at": [js([{"text": "a", "severity": "warn", "at": _SECONDS}])],
        "/drains/vercel?verify=abc": [js([vercel]), (lines, "application/x-ndjson", {})],
        "/api/v1/deployments": [js({"commit_sha": "9c1f0b7e52d8", "status": "success", "commit_message": "m", "author": "Ada",
                                    "branch": "main", "url": "https://ci.example/42", "external_id": "42",
                                    "environment": "production", "started_at": _AT.isoformat()})],
    }  # fmt: skip


def _heroku() -> bytes:
    lines = (
        f"<190>1 {_AT.isoformat()} host app web.3 - State changed\n",
        f'<158>1 {_AT.isoformat()} host app - - [x@1 a="b"] {{"level": 40}}\n',
    )
    return b"".join(b"%d %b" % (len(line), line.encode()) for line in lines)


def _firehose() -> bytes:
    events = [{"id": "1", "timestamp": _SECONDS * 1000, "message": "boom"}]
    cloud = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", "logEvents": events}
    records = [gzip.compress(json.dumps(cloud).encode()), b"plain\ntext"]
    return json.dumps(
        {"requestId": "r-1", "timestamp": 1, "records": [{"data": base64.b64encode(each).decode()} for each in records]}
    ).encode()


def _webhooks(integration: GitHubIntegration) -> list[Seed]:
    secret = derive_secret(integration)
    made = []
    for event in ("deployment", "deployment_status", "ping", "push", "workflow_run"):
        headers = {"x-github-event": event, "x-github-delivery": str(uuid.UUID(int=len(event)))}
        paths = ("/api/v1/github/webhook", f"/api/v1/github/webhook?integration={integration.pk}")
        made += [Seed(path, encode(payload(event)), headers=headers, secret=secret) for path in paths]
    short = encode({"ref": "refs/heads/main", "after": SHA, "repository": {"full_name": "a/b"}})
    made.append(
        Seed("/api/v1/github/webhook", b"payload=" + short, "application/x-www-form-urlencoded", headers, secret)
    )
    return made


def signed(seed: Seed, body: bytes) -> dict[str, str]:
    """Return the headers of a seed for a changed body."""
    return {**seed.headers, **({"x-hub-signature-256": sign(body, seed.secret)} if seed.secret else {})}
