"""POST /v1/logs in JSON: records that are read column by column become the same as those that are read one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.protocols.otlp.json import read_json
from logs.ingest.protocols.otlp.json_columns import ColumnReader

WINDOW = AcceptedTimes(datetime(2026, 11, 30, 12, tzinfo=UTC), 7)
TIME = 1_796_040_000_123_456_789
MARKS = (
    '}},{"key":"',
    ',"value":{"stringValue":"',
    '","value":{"',
    '}}]\0[{"key":"',
    '"}}]',
    "\\",
    '\\"',
    "\n",
    "é",
    "",
    "x",
)
texts = st.lists(st.sampled_from(MARKS), max_size=3).map("".join)
keys = texts.filter(bool) | st.sampled_from(
    ["trace_id", "request_id", "http.request.id", "user_id", "level", "message"]
)
usual = st.one_of(
    texts.map(lambda text: {"stringValue": text}),
    st.integers(-(2**63), 2**64).map(lambda number: {"intValue": str(number)}),
    st.integers(-99, 99).map(lambda number: {"intValue": number}),
    st.booleans().map(lambda truth: {"boolValue": truth}),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: {"doubleValue": number}),
)
odd = st.sampled_from(
    [
        None, {}, {"stringValue": 5}, {"stringValue": "x", "intValue": "1"}, {"intValue": "007"}, {"intValue": "-0"},
        {"boolValue": "true"}, {"doubleValue": "NaN"}, {"bytesValue": "eA=="},
        {"arrayValue": {"values": [{"intValue": "1"}]}},
        {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "x"}}, {"key": "b", "value": None}]}},
        {"stringValue": [{"key": "z", "value": {"stringValue": "q"}}]}, {"intValue": []}, {"stringValue": None},
        {"value": {"stringValue": "x"}},
    ]
)  # fmt: skip
pairs = st.builds(lambda key, value: {"key": key, "value": value}, keys, usual)
odd_pairs = st.builds(lambda key, value: {"key": key, "value": value}, keys, usual | odd) | st.sampled_from(
    [{"key": "a"}, {"value": {"stringValue": "x"}, "key": "a"}, {"key": 5, "value": {"stringValue": "x"}},
     {"key": "a", "value": {"stringValue": "x"}, "more": {"q": 1}}]
)  # fmt: skip
usual_ids = st.sampled_from(["", "5b8efff798038103d269b633813fc60c", "0" * 32])
odd_ids = st.sampled_from([None, "eee19b7ec3c1b174", "5B8EFFF798038103D269B633813FC60C", "W47/95gDgQPSabYzgT/GDA=="])


def records(attributes: st.SearchStrategy[Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = {
        "timeUnixNano": st.just(str(TIME)), "severityNumber": st.integers(1, 24),
        "body": texts.filter(bool).map(lambda text: {"stringValue": text}),
        "attributes": st.lists(attributes, max_size=3),
    }  # fmt: skip
    optional = {
        "traceId": usual_ids,
        "flags": st.integers(0, 1),
        "severityText": st.sampled_from(["INFO", "Fatal", ""]),
    }
    return st.fixed_dictionaries(
        {**fields, **more}, optional={name: values for name, values in optional.items() if name not in more}
    )


strange = records(
    odd_pairs,
    spanId=odd_ids,
    traceId=odd_ids,
    timeUnixNano=st.sampled_from([str(TIME), TIME, 0, None, "0", "", str(TIME - 10**18), "12"]),
    severityNumber=st.sampled_from([9, 0, 25, "9", "SEVERITY_NUMBER_WARN", None]),
    body=st.sampled_from(
        [{"stringValue": "hi"}, {"stringValue": ""}, None, "hi", {"intValue": "7"}, {"stringValue": "a", "x": 1}]
    ),
)


def request(sent: list[Any], resource: list[Any]) -> bytes:
    scope = {"scope": {"name": "lib"}, "logRecords": sent}
    body = {"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [scope]}]}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def read(body: bytes, *, one_by_one: bool) -> tuple[Any, ...]:
    with mock.patch.object(ColumnReader, "columns", return_value=None) if one_by_one else mock.MagicMock():
        batch = read_json(body, WINDOW)
    return batch.rejected, *map(
        list, batch.columns._replace(meta_json=[json.loads(m or "{}") for m in batch.columns.meta_json])
    )


@given(sent=st.lists(records(pairs | odd_pairs), min_size=8, max_size=10), resource=st.lists(odd_pairs, max_size=1))
@settings(max_examples=60)
def test_both_ways_give_the_same_of_any_attributes(sent: list[Any], resource: list[Any]) -> None:
    body = request(sent, resource)
    assert read(body, one_by_one=False) == read(body, one_by_one=True)


@given(
    sent=st.lists(records(pairs), min_size=8, max_size=10), common=st.lists(pairs, max_size=2), odd=st.none() | strange
)
@settings(max_examples=60)
def test_both_ways_give_the_same_of_any_records(sent: list[Any], common: list[Any], odd: Any) -> None:
    for record in sent:
        record["attributes"] = [*common, *record["attributes"]]
    body = request([*sent, odd] if odd else sent, common)
    assert read(body, one_by_one=False) == read(body, one_by_one=True)


def test_what_exporters_send_is_read_by_columns() -> None:
    common = [{"key": "host.name", "value": {"stringValue": "web-1"}}]
    sent = [
        {
            "timeUnixNano": str(TIME + number), "observedTimeUnixNano": str(TIME), "severityNumber": 17,
            "severityText": "ERROR",
            "body": {"stringValue": f'a "quote" {number}'}, "droppedAttributesCount": 0, "flags": 1,
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
            "attributes": [*common, {"key": "order", "value": {"intValue": number}},
                           {"key": "ok", "value": {"boolValue": True}},
                           {"key": "request_id", "value": {"stringValue": f"r{number}"}},
                           {"key": "seconds", "value": {"doubleValue": 0.25}}] if number else [],
        }
        for number in range(300)
    ]  # fmt: skip
    seen: list[Batch] = []
    real = ColumnReader.columns

    def columns(self: ColumnReader, records: Any) -> Any:
        result = real(self, records)
        assert result is not None
        seen.append(Batch(result))
        return result

    with mock.patch.object(ColumnReader, "columns", columns):
        batch = read_json(request(sent, common), WINDOW)
    assert sum(map(len, seen)) == len(batch) == 300
    assert (batch.columns.request_id[0], batch.columns.request_id[7]) == (None, "r7")
    assert json.loads(batch.columns.meta_json[7] or "") == {
        "host.name": "web-1", "otel.scope.name": "lib", "order": 7, "ok": True, "request_id": "r7", "seconds": 0.25,
        "span_id": "eee19b7ec3c1b174", "trace_flags": 1,
    }  # fmt: skip
