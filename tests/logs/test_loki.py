"""Loki: what is stored of a push, and its answers."""

from __future__ import annotations

import json
from typing import Any

import cramjam
import pytest
from django.test import Client

from logs.models import LogEntry
from tests.logs.foreign import JSON, MICROS, NOW, Post, push
from tests.logs.sending import stored

pytestmark = pytest.mark.django_db
LOKI = "/loki/api/v1/push"


def test_loki_json(post: Post) -> None:
    stream = {
        "stream": {"app": "shop", "level": "error"},
        "values": [[f"{MICROS}999", "boom", {"trace_id": "ab" * 16}]],
    }
    response = post(LOKI, {"streams": [stream], "unknown": 1})
    assert (response.status_code, response.content) == (204, b"")
    log = stored()
    assert (log.level, log.message, log.trace_id, log.ts) == ("error", "boom", "ab" * 16, NOW)
    assert log.meta_json == {"app": "shop"}


def test_loki_lines_that_are_json_are_lifted(post: Post) -> None:
    line = json.dumps({"level": 50, "time": 1, "msg": "boom", "pid": 7, "order": 1})
    post(LOKI, {"streams": [{"stream": {"app": "shop"}, "values": [[str(MICROS * 1000), line]]}]})
    log = stored()
    assert (log.level, log.message, log.ts) == ("error", "boom", NOW)
    assert log.meta_json == {"app": "shop", "pid": 7, "order": 1, "timestamp_unread": 1} or log.meta_json["order"] == 1


@pytest.mark.parametrize("header", ["snappy", ""])
@pytest.mark.parametrize("content_type", ["application/x-protobuf", ""])
def test_loki_protobuf_is_snappy_whatever_the_header_says(post: Post, header: str, content_type: str) -> None:
    body = bytes(cramjam.snappy.compress_raw(push((MICROS, b"a\xff"), (MICROS, b""), (MICROS, b"b"))))
    assert post(LOKI, body, content_type, content_encoding=header).status_code == 204
    assert set(LogEntry.objects.values_list("message", "level", "ts")) == {("a\ufffd", "warn", NOW), ("b", "warn", NOW)}


@pytest.mark.parametrize(
    ("labels", "meta"),
    [
        (b'{a="1", b-c.d/e="x\\"y", f=`z`}', {"a": "1", "b-c.d/e": 'x"y', "f": "z"}),
        (b'{a="1", a="2"}', {"a": "2"}),
        (b"{}", None),
        (b"not labels", {"labels": "not labels"}),
    ],
)
def test_loki_labels(post: Post, labels: bytes, meta: Any) -> None:
    assert post(LOKI, push((MICROS, b"a"), labels=labels), "application/x-protobuf").status_code == 204
    assert stored().meta_json == meta


def test_loki_of_old(post: Post) -> None:
    entry = {"ts": NOW.isoformat(), "line": "old"}
    assert post("/api/prom/push", {"streams": [{"labels": '{a="b"}', "entries": [entry]}]}).status_code == 204
    assert (stored().message, stored().ts, stored().meta_json) == ("old", NOW, {"a": "b"})


def test_a_hundred_thousand_entries_in_one_push(post: Post) -> None:
    body = bytes(cramjam.snappy.compress_raw(push(*[(MICROS, b"x")] * 100_000)))
    assert post(LOKI, body, "application/x-protobuf").status_code == 204
    assert LogEntry.objects.count() == 100_000


@pytest.mark.parametrize("body", [{"streams": []}, {"streams": [{"stream": {}, "values": []}]}, {}])
def test_loki_with_nothing_in_it(post: Post, body: Any) -> None:
    assert post(LOKI, body).status_code == 204


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"{", JSON), (b"[]", JSON), (b"\xff\xff\xff", "application/x-protobuf")]
)
def test_what_is_not_a_push(post: Post, body: bytes, content_type: str) -> None:
    response = post(LOKI, body, content_type)
    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/ready", "/loki/ready", "/services/collector/health"])
def test_probes_without_a_key(path: str) -> None:
    assert Client().get(path).status_code == 200
