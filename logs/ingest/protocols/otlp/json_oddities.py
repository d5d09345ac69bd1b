"""OTLP's JSON as some write it beside the specification: snake case, numbers as texts, single objects for lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from logs.ingest import json_text
from logs.ingest.foreign_body import check_punctuation
from logs.ingest.protocols.otlp.json_structs import Request
from pulseops.core.web.json_errors import ApiError

_anything = msgspec.json.Decoder()
_SNAKE = re.compile(r"_([a-z])")


def decode_oddities(body: bytes) -> Sequence[Request]:
    """Decode what some write: other names for the keys, texts for numbers, nothing where a list belongs.

    Raises ApiError: 400 for what is no request even so, 413 for what would become too many values.
    """
    check_punctuation(body)
    value = json_text.decode(body, _anything)
    if not isinstance(value, dict | list):
        raise ApiError("BAD_REQUEST", "The body is not an OTLP request in JSON.")
    try:
        requests = value if isinstance(value, list) else [value]
        return [msgspec.convert(_tidied_request(each), Request) for each in requests if isinstance(each, dict)]
    except (msgspec.ValidationError, RecursionError) as error:
        raise ApiError("BAD_REQUEST", "The body is not an OTLP request in JSON.") from error


def _tidied_request(value: dict[str, Any]) -> dict[str, Any]:
    return {"resourceLogs": [_tidied_resource(each) for each in _dicts(value, "resourceLogs")]}


def _tidied_resource(value: dict[str, Any]) -> dict[str, Any]:
    scopes = [
        {
            "scope": _tidied_scope(_camel(each).get("scope")),
            "logRecords": [_tidied(r) for r in _dicts(each, "logRecords")],
        }
        for each in _dicts(value, "scopeLogs")
    ]
    resource = _camel(value).get("resource")
    attributes = _pairs_of(resource) if isinstance(resource, dict) else []
    return {"resource": {"attributes": attributes}, "scopeLogs": scopes}


def _tidied_scope(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    named = {name: str(value[name]) for name in ("name", "version") if value.get(name)}
    return {**named, "attributes": _pairs_of(value)}


def _tidied(value: dict[str, Any]) -> dict[str, Any]:
    fields = _camel(value)
    record: dict[str, Any] = {"attributes": Raw(msgspec.json.encode(_pairs_of(value)))}
    for name in ("timeUnixNano", "observedTimeUnixNano", "severityNumber"):
        if isinstance(fields.get(name), int | str) and not isinstance(fields[name], bool):
            record[name] = fields[name]
    for name in ("severityText", "traceId", "spanId", "eventName"):
        if isinstance(fields.get(name), str):
            record[name] = fields[name]
    for name in ("droppedAttributesCount", "flags"):
        if isinstance(fields.get(name), int) and not isinstance(fields[name], bool):
            record[name] = fields[name]
    if "body" in fields:
        record["body"] = Raw(msgspec.json.encode(_value_of(fields["body"])))
    return record


def _pairs_of(value: dict[str, Any]) -> list[dict[str, Any]]:
    pairs = value.get("attributes")
    return [
        {"key": str(each.get("key", "")), "value": _value_of(each.get("value"))}
        for each in (pairs if isinstance(pairs, list) else ())
        if isinstance(each, dict)
    ]


def _value_of(value: Any) -> Any:
    """An AnyValue with its key in camel case and its value as JSON text; anything else stands for itself."""
    if isinstance(value, dict):
        return {name: Raw(msgspec.json.encode(inner)) for name, inner in _camel(value).items() if inner is not None}
    return None if value is None else {"stringValue": Raw(msgspec.json.encode(value))}


def _dicts(value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    inner = _camel(value).get(name)
    return [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []


def _camel(value: dict[str, Any]) -> dict[str, Any]:
    return {_SNAKE.sub(lambda match: match[1].upper(), name): inner for name, inner in value.items()}
