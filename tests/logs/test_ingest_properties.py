"""Whatever is sent: never a 500; what is accepted is stored as the contract says; what is refused leaves nothing."""

from __future__ import annotations

import json
import math
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logs.ingest import fast_path
from logs.ingest.batch import make_batch
from logs.ingest.columns import AcceptedTimes, Batch, copy_text
from logs.ingest.decode import decode_entries, make_payload
from logs.ingest.levels import stored_level
from logs.ingest.slow_path import careful_batch
from logs.ingest.timestamps import from_epoch, parse_text
from logs.models import IngestReceipt, LogEntry
from services.models import RateBucket
from tests.logs.conftest import Send

pytestmark = pytest.mark.django_db
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
LIMITS = {"max_examples": 200, "deadline": None, "suppress_health_check": FIXTURES}

texts = st.text(st.characters() | st.sampled_from('\0\ud800\udfff\\\n\t\r"é😀\u2028'), max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
metas = st.dictionaries(texts, values, max_size=5)
ages = st.floats(min_value=-86_000, max_value=600_000)
stamps = ages.map(lambda age: (timezone.now() - timedelta(seconds=age)).isoformat()) | ages.map(
    lambda age: timezone.now().timestamp() - age
)
levels = st.sampled_from([None, "debug", "INFO", "Warning", "fatal", "notice"])
good_entries = st.fixed_dictionaries(
    {"message": texts.filter(bool)},
    optional={
        "level": levels,
        "timestamp": st.none() | stamps,
        "meta": st.none() | metas,
        "trace_id": st.none() | texts,
        "request_id": st.none() | texts,
        "host": values,
        "_x": values,
    },
)
anything = st.fixed_dictionaries(
    {},
    optional={
        name: values | good
        for name, good in {
            "message": texts,
            "level": levels,
            "timestamp": stamps,
            "meta": metas,
            "trace_id": texts,
            "request_id": texts,
            "other": values,
        }.items()
    },
)
bodies = (
    st.binary(max_size=200)
    | values.map(json.dumps).map(str.encode)
    | st.lists(anything | values, max_size=5).map(json.dumps).map(str.encode)
    | st.lists(anything, max_size=5).map(lambda logs: "\n".join(map(json.dumps, logs)).encode())
)


def forget_everything() -> None:
    for model in (LogEntry, RateBucket, IngestReceipt):
        model._default_manager.all().delete()


def cut(body: bytes, at: float) -> bytes:
    """Leave a byte out, as a broken sender would."""
    place = int(len(body) * at)
    return body[:place] + body[place + 1 :]


def storable(value: Any) -> Any:
    """What of a JSON value comes back from the database, as Python reads it."""
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return value


def same(stored: Any, sent: Any) -> bool:
    """Compare as JSON does: 1 is 1.0, but not true."""
    if isinstance(sent, bool) or isinstance(stored, bool):
        return stored is sent
    if isinstance(sent, float):
        return isinstance(stored, int | float) and math.isclose(stored, sent, rel_tol=1e-15, abs_tol=0)
    if isinstance(sent, list):
        return isinstance(stored, list) and len(stored) == len(sent) and all(map(same, stored, sent))
    if isinstance(sent, dict):
        return isinstance(stored, dict) and stored.keys() == sent.keys() and all(same(stored[k], sent[k]) for k in sent)
    return bool(stored == sent)


def expected_meta(entry: dict[str, Any]) -> dict[str, Any] | None:
    meta, unknown = entry.get("meta"), {name: entry[name] for name in ("host", "_x") if name in entry}
    if meta is None and not unknown:
        return None
    merged = storable(meta or {})
    for name, value in unknown.items():
        while name in merged:
            name = f"_{name}"
        merged[name] = storable(value)
    return merged


@given(
    body=st.tuples(bodies, st.none() | st.floats(0, 0.999)).map(
        lambda pair: pair[0] if pair[1] is None else cut(*pair)
    ),
    content_type=st.sampled_from(["application/json", "application/x-ndjson"]),
    headers=st.fixed_dictionaries(
        {},
        optional={
            "content_encoding": st.sampled_from(["gzip", "identity"]),
            "prefer": st.just("handling=lenient"),
            "idempotency_key": st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=130),
        },
    ),
)
@settings(**LIMITS)
def test_any_body_is_answered_and_a_refused_one_leaves_nothing(
    send: Send, body: bytes, content_type: str, headers: dict[str, str]
) -> None:
    forget_everything()
    response = send(body, content_type=content_type, **headers)
    stored, counted = LogEntry.objects.count(), sum(RateBucket.objects.values_list("count", flat=True))
    assert response.status_code in {200, 400}
    accepted = response.json()["data"]["accepted"] if response.status_code == 200 else 0
    assert stored == counted == accepted


@given(entries=st.lists(good_entries, max_size=6), ascii_only=st.booleans())
@settings(**LIMITS)
def test_what_is_accepted_is_stored_as_it_was_sent(send: Send, entries: list[dict[str, Any]], ascii_only: bool) -> None:
    forget_everything()
    before = timezone.now()
    body = json.dumps({"logs": entries}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    response = send(body)
    if not ascii_only and re.search("[\ud800-\udfff]", json.dumps(entries, ensure_ascii=False)):
        assert response.status_code == 400  # as plain bytes a lone surrogate is not UTF-8
        return
    assert response.json() == {"data": {"accepted": len(entries)}}
    for log, entry in zip(LogEntry.objects.order_by("id"), entries, strict=True):
        assert log.message == storable(entry["message"])
        assert log.level == stored_level(entry.get("level"))
        assert (log.trace_id, log.request_id) == (storable(entry.get("trace_id")), storable(entry.get("request_id")))
        assert same(log.meta_json, expected_meta(entry)), (log.meta_json, expected_meta(entry))
        match entry.get("timestamp"):
            case None:
                assert before <= log.ts <= timezone.now()
            case str(text):
                assert log.ts == parse_text(text)
            case number:
                assert log.ts == from_epoch(number)


@given(entries=st.lists(good_entries | anything, max_size=4), indent=st.none() | st.just("\t"), ndjson=st.booleans())
@settings(**{**LIMITS, "max_examples": 400})
def test_both_ways_through_a_batch_agree(entries: list[dict[str, Any]], indent: str | None, ndjson: bool) -> None:
    text = "\n".join(map(json.dumps, entries)) if ndjson else json.dumps(entries, indent=indent)
    payload, window = make_payload(text.encode(), "ndjson" if ndjson else "json"), AcceptedTimes(timezone.now(), 7)
    decoded = decode_entries(payload)
    columns = None if decoded is None else fast_path.quick_columns(decoded, window)
    if columns is not None:
        careful = careful_batch(payload, window, is_lenient=False)
        assert [*map(list, columns)] == [*map(list, careful.columns)]
        assert careful.rejected == 0
        assert copy_text([Batch(columns, payload.is_plain)], "") == copy_text([careful], "")


@given(text=st.from_regex(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]\d\d:?\d\d)", fullmatch=True))
@settings(**LIMITS)
def test_any_timestamp_is_read_or_refused(text: str) -> None:
    payload = make_payload(json.dumps([{"message": "a", "timestamp": text}]).encode(), "json")
    make_batch(payload, AcceptedTimes(timezone.now(), 365), is_lenient=True)  # which raises for what is not JSON alone


@given(number=st.floats() | st.integers() | st.integers(-(10**25), 10**25))
@settings(**LIMITS)
def test_any_number_is_read_as_a_time_or_refused(number: float) -> None:
    if not math.isfinite(number):
        return
    payload = make_payload(json.dumps([{"message": "a", "timestamp": number}]).encode(), "json")
    make_batch(payload, AcceptedTimes(timezone.now(), 365), is_lenient=True)  # which raises for what is not JSON alone
