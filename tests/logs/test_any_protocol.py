"""Whatever a client of another protocol sends is stored or counted as refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import RequestFactory
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
from logs.ingest.protocols.loki import LokiProtocol
from pulseops.core.web.json_errors import ApiError
from tests.logs.foreign import JSON, bulk

pytestmark = pytest.mark.django_db


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
