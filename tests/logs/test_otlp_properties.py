"""POST /v1/logs: any request is read or refused, and every record of it counted."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from logs.ingest.columns import AcceptedTimes
from logs.ingest.protocols.otlp.json import read_json
from logs.ingest.protocols.otlp.json_structs import LogRecord
from logs.ingest.protocols.otlp.protobuf import read_protobuf
from pulseops.core.web.json_errors import ApiError
from tests.logs.otlp_records import in_json, record, request_of

pytestmark = pytest.mark.django_db


texts = st.text(max_size=5) | st.sampled_from(["level", "trace_id", "request.id", "INFO", "{}", '{"level":"warn"}'])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "stringValue",
                    "intValue",
                    "doubleValue",
                    "bytesValue",
                    "arrayValue",
                    "kvlistValue",
                    "values",
                    "key",
                    "value",
                ]
            )
            | texts,
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
FIELDS = [each.encode_name for each in msgspec.structs.fields(LogRecord)]
records = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, values))


@given(sent=st.lists(records, max_size=4))
@settings(deadline=None, max_examples=150)
def test_any_json_is_read_and_every_record_is_counted(sent: list[Any]) -> None:
    batch = read_json(in_json(*sent), AcceptedTimes(timezone.now(), 7))
    assert len(batch) + batch.rejected == len(sent)
    assert all(json.loads(meta) is not None for meta in batch.columns.meta_json if meta)


@given(body=st.binary(max_size=60), cut=st.integers(0, 400), flip=st.integers(0, 400))
@settings(deadline=None, max_examples=150)
def test_any_protobuf_is_read_or_refused(body: bytes, cut: int, flip: int) -> None:
    whole = bytearray(request_of(record(attributes=[KeyValue(key="a", value=AnyValue(int_value=7))]), service="shop"))
    whole[flip % len(whole)] ^= 0xFF
    for content in (body, bytes(whole), bytes(whole[:cut])):
        with suppress(ApiError):
            read_protobuf(content, AcceptedTimes(timezone.now(), 7))
