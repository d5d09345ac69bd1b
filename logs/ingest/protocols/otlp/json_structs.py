"""OTLP's JSON as msgspec reads it: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from logs.ingest.protocols.otlp.mapping import NUMBERS

ABSENT = Raw(b"")
_LONGEST_TIME = 20  # digits of 64 bits


class Value(msgspec.Struct, rename="camel", gc=False):
    string_value: Raw = ABSENT
    int_value: Raw = ABSENT
    bool_value: Raw = ABSENT
    double_value: Raw = ABSENT
    array_value: Raw = ABSENT
    kvlist_value: Raw = ABSENT
    bytes_value: Raw = ABSENT


class KeyValue(msgspec.Struct, gc=False):
    key: str = ""
    value: Value | None = None


class LogRecord(msgspec.Struct, rename="camel", gc=False):
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    body: Raw = ABSENT
    attributes: Raw = ABSENT
    dropped_attributes_count: int | None = None
    flags: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class Scope(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None
    attributes: list[KeyValue] | None = None


class ScopeLogs(msgspec.Struct, rename="camel"):
    scope: Scope | None = None
    log_records: list[LogRecord] | None = None


class Resource(msgspec.Struct, gc=False):
    attributes: list[KeyValue] | None = None


class ResourceLogs(msgspec.Struct, rename="camel"):
    resource: Resource | None = None
    scope_logs: list[ScopeLogs] | None = None


class Request(msgspec.Struct, rename="camel"):
    resource_logs: list[ResourceLogs] | None = None


class List(msgspec.Struct, gc=False):
    values: list[Value | None] | None = None


class Pairs(msgspec.Struct, gc=False):
    values: list[KeyValue] | None = None


def nanoseconds(value: int | str | None) -> int:
    """Return a time, which is a number or its digits; 0 for anything else."""
    if isinstance(value, str):
        return int(value) if len(value) <= _LONGEST_TIME and value.isdecimal() else 0
    return value or 0


def severity(value: int | str | None) -> int:
    """Return a severity's number, which some write as its digits or its name; 0 for anything else."""
    if isinstance(value, str):
        return NUMBERS.get(value.upper(), 0) or (int(value) if value.isdecimal() and len(value) < 3 else 0)
    return value or 0
