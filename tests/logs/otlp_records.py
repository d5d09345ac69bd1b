"""Requests of OpenTelemetry's protocol, in protobuf and JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def nanoseconds(ago: timedelta = timedelta()) -> int:
    return (timezone.now() - ago - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def request_of(*records: LogRecord, **resource: str) -> bytes:
    attributes = [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in resource.items()]
    scope = ScopeLogs(scope=InstrumentationScope(name="lib", version="1.2"), log_records=records)
    logs = ResourceLogs(resource=Resource(attributes=attributes), scope_logs=[scope])
    return ExportLogsServiceRequest(resource_logs=[logs]).SerializeToString()


def record(text: str = "hello", **fields: Any) -> LogRecord:
    return LogRecord(**{"time_unix_nano": nanoseconds(), "body": AnyValue(string_value=text), **fields})


def in_json(*records: Any) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}).encode()


def pairs(*values: Any) -> dict[str, Any]:
    return {"body": {"kvlistValue": {"values": values}}}
