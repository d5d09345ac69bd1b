"""POST /v1/logs in protobuf: records read column by column become the same as those that are read one by one."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from logs.ingest.protocols.otlp import protobuf
from logs.ingest.protocols.otlp.protobuf import read_protobuf
from logs.ingest.protocols.otlp.protobuf_columns import ColumnReader
from tests.logs.test_otlp_columns import TIME, WINDOW

_classes = protobuf._classes


def wire(message: str, /, **fields: Any) -> bytes:
    return bytes(_classes[message](**fields).SerializeToString())


def values_of(texts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(
        texts.map(lambda text: wire("AnyValue", text=text)),
        st.integers(-(2**63), 2**63 - 1).map(lambda number: wire("AnyValue", whole=number)),
        st.floats().map(lambda number: wire("AnyValue", real=number)),
        st.booleans().map(lambda truth: wire("AnyValue", truth=truth)),
        st.sampled_from([b"", b"\xff", wire("AnyValue", array=wire("Values", values=[b""]))]),
    )


def pairs_of(texts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    names = st.sampled_from([b"order", b"trace_id", b"request_id", b"level", b"message", b""]) | texts
    return st.builds(lambda name, value: wire("KeyValue", key=name, value=value), names, values_of(texts))


texts = st.sampled_from([b"x", b'"\\', b"caf\xc3\xa9", b"\xe2\x82", b"\xff", b"{[", b"y" * 200])
odd_texts = texts | st.sampled_from([b"", b"\0", rb"\u0000"])
pairs = pairs_of(texts)
odd_pairs = pairs_of(odd_texts) | st.binary(max_size=9)
usual = st.fixed_dictionaries(
    {
        "time": st.integers(TIME, TIME + 5_000),
        "severity": st.integers(1, 24),
        "body": texts.map(lambda text: wire("AnyValue", text=text)),
        "attributes": st.lists(pairs, max_size=3),
    },
    optional={
        "severity_text": st.sampled_from([b"INFO", b"Fatal", b""]),
        "trace_id": st.sampled_from([b"", b"\1" * 16, b"\0" * 16, b"5b8efff798038103d269b633813fc60c", b"\1"]),
        "span_id": st.sampled_from([b"", b"\1" * 8, b"\0" * 8, b"\1" * 3]),
        "flags": st.integers(0, 1),
        "dropped": st.integers(0, 2),
    },
)
strange = st.fixed_dictionaries(
    {
        "time": st.sampled_from([0, 1, TIME, TIME, TIME, TIME - 10**18, TIME + 10**17, 2**64 - 1]),
        "observed": st.sampled_from([0, TIME]),
        "severity": st.sampled_from([0, 9, 9, 25, -1]),
        "body": values_of(odd_texts),
        "attributes": st.lists(odd_pairs, max_size=2),
        "severity_text": st.sampled_from([b"", b"a\0"]),
        "event_name": st.sampled_from([b"", b"started"]),
    }
)


def request(records: list[dict[str, Any]], shared: list[bytes]) -> bytes:
    message = _classes["Request"]()
    resource = message.resources.add(resource=wire("Resource", attributes=shared))
    scope = resource.scopes.add(scope=wire("Scope", name=b"lib"))
    for fields in records:
        scope.records.add(**fields)
    return bytes(message.SerializeToString())


def read(body: bytes, *, one_by_one: bool) -> tuple[Any, ...]:
    with mock.patch.object(ColumnReader, "columns", return_value=None) if one_by_one else mock.MagicMock():
        batch = read_protobuf(body, WINDOW)
    metas = [json.loads(meta or "{}") for meta in batch.columns.meta_json]
    return batch.refused, *map(list, batch.columns._replace(meta_json=metas))


@given(
    records=st.lists(usual, min_size=8, max_size=10),
    shared=st.lists(pairs | odd_pairs, max_size=1),
    odd=st.none() | st.none() | strange,
    most=st.sampled_from([50_000, 50_000, 50_000, 4]),
)
@settings(max_examples=100, deadline=None)
def test_both_ways_give_the_same(records: list[Any], shared: list[bytes], odd: Any, most: int) -> None:
    body = request([*records, odd] if odd else records, shared)
    with mock.patch.object(protobuf, "_MOST_CACHED", most):
        assert read(body, one_by_one=False) == read(body, one_by_one=True)


def test_what_exporters_send_is_read_by_columns() -> None:
    records = [
        {
            "time": TIME + number,
            "severity": 17,
            "severity_text": b"ERROR",
            "body": wire("AnyValue", text=b"charge %d" % number),
            "attributes": [
                wire("KeyValue", key=b"order", value=wire("AnyValue", whole=number)),
                wire("KeyValue", key=b"request_id", value=wire("AnyValue", text=b"r%d" % number)),
            ],
            "trace_id": bytes(range(16)),
            "span_id": bytes(range(8)),
            "flags": 1,
        }
        for number in range(300)
    ]
    with mock.patch.object(protobuf.AttributeReader, "row", side_effect=AssertionError):
        batch = read_protobuf(request(records, []), WINDOW)
    columns = batch.columns
    assert (len(batch), columns.request_id[7], columns.trace_id[7]) == (300, "r7", bytes(range(16)).hex())
    assert json.loads(columns.meta_json[7] or "") == {
        "otel.scope.name": "lib", "order": 7, "request_id": "r7", "span_id": bytes(range(8)).hex(), "trace_flags": 1,
    }  # fmt: skip
