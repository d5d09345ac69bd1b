"""One bad entry among good ones, by every protocol: it costs itself alone, or nothing, and is counted for the owner."""

from __future__ import annotations

import base64
import gzip
import json
import math
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import cramjam
import pytest
from django.test import Client

from logs.ingest.protocols.otlp import protobuf
from logs.models import IngestRefusal, LogEntry
from services.models import ApiKey, Environment
from tests.logs.foreign import push
from tests.support.factories import make_key

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.django_db
OTLP = protobuf._classes
NUMBER = 20
NOW = int(time.time()) - 60
OLD = 1_000_000_000


@dataclass(frozen=True)
class Sent:
    """An entry as a protocol's body is made of it: JSON text of the message and of a field, and seconds since 1970."""

    message: bytes = b'"hello"'
    field: bytes = b"1"
    at: int = NOW


Body = Callable[[list[Sent]], bytes]


def joined(form: str, between: str = ",", around: tuple[str, str] = ("[", "]")) -> Body:
    """Put entries together; in `form` M is the message, F the field, N, U and S the time in nanoseconds, … and text."""

    def body(entries: list[Sent]) -> bytes:
        return around[0].encode() + between.encode().join(map(filled, entries)) + around[1].encode()

    def filled(sent: Sent) -> bytes:
        text = form.encode().replace(b"N?", b"%d000000000" % sent.at).replace(b"S?", b"%d" % sent.at)
        text = text.replace(b"T?", datetime.fromtimestamp(sent.at, UTC).isoformat().encode())
        return text.replace(b"F?", sent.field).replace(b"M?", sent.message)

    return body


def firehose(entries: list[Sent]) -> bytes:
    lines = [b'{"message": %b, "timestamp": %d, "x": %b}' % (each.message, each.at, each.field) for each in entries]
    records = [{"data": base64.b64encode(line).decode()} for line in lines]
    return json.dumps({"requestId": "r", "timestamp": NOW * 1000, "records": records}).encode()


def heroku(entries: list[Sent]) -> bytes:
    times = [datetime.fromtimestamp(each.at, UTC).isoformat().encode() for each in entries]
    lines = [b"<190>1 %b h a p - %b" % (at, _bare(each)) for at, each in zip(times, entries, strict=True)]
    return b"".join(b"%d %b" % (len(line), line) for line in lines)


def journald(entries: list[Sent]) -> bytes:
    return b"".join(b"__REALTIME_TIMESTAMP=%d000000\nMESSAGE=%b\n\n" % (each.at, _bare(each)) for each in entries)


def otlp_protobuf(entries: list[Sent]) -> bytes:
    request = OTLP["Request"]()
    records = request.resources.add().scopes.add().records
    for sent in entries:
        pairs = [
            OTLP["KeyValue"](key=b"x", value=any_value(text.strip())).SerializeToString()
            for text in sent.field.replace(b'"x":', b"").split(b",")
        ]
        body = OTLP["AnyValue"](text=_bare(sent)).SerializeToString()
        records.add(time=sent.at * 10**9, severity=9, body=body, attributes=pairs)
    return bytes(request.SerializeToString())


def any_value(text: bytes) -> bytes:
    """Return a field's JSON as protobuf has it, which has no number that is too large."""
    if depth := text.count(b"{"):
        value = OTLP["AnyValue"](whole=1).SerializeToString()
        for _ in range(depth):
            pair = OTLP["KeyValue"](key=b"a", value=value).SerializeToString()
            value = OTLP["AnyValue"](pairs=OTLP["Values"](values=[pair]).SerializeToString()).SerializeToString()
        return bytes(value)
    kinds = {"real": math.nan} if text == b"NaN" else {"text": text} if len(text) > 20 else {"whole": int(text)}
    return bytes(OTLP["AnyValue"](**kinds).SerializeToString())


def loki_protobuf(entries: list[Sent]) -> bytes:
    return bytes(cramjam.snappy.compress_raw(push(*[(sent.at * 1_000_000, _bare(sent)) for sent in entries])))


def _bare(sent: Sent) -> bytes:
    return sent.message[1:-1]


ATTRIBUTE = '{"key":"x","value":{"doubleValue":F?}}'
PROTOCOLS: dict[str, tuple[str, str, Body]] = {
    "ours": (
        "/api/v1/logs/ingest", "application/json", joined('{"message": M?, "timestamp": S?, "meta": {"x": F?}}')
    ),
    "otlp": (
        "/v1/logs",
        "application/json",
        joined(
            '{"timeUnixNano":"N?","body":{"stringValue":M?},"attributes":[' + ATTRIBUTE + "]}",
            around=('{"resourceLogs":[{"scopeLogs":[{"logRecords":[', "]}]}]}"),
        ),
    ),
    "otlp protobuf": ("/v1/logs", "application/x-protobuf", otlp_protobuf),
    "loki protobuf": ("/loki/api/v1/push", "application/x-protobuf", loki_protobuf),
    "loki": (
        "/loki/api/v1/push",
        "application/json",
        joined('["N?", M?, {"x": F?}]', around=('{"streams":[{"stream":{},"values":[', "]}]}")),
    ),
    "elastic": (
        "/es/_bulk",
        "application/x-ndjson",
        joined('{"create":{}}\n{"@timestamp": "T?", "message": M?, "x": F?}', "\n", ("", "\n")),
    ),
    "hec": (
        "/services/collector",
        "application/json",
        joined('{"time": S?, "event": M?, "fields": {"x": F?}}', "", ("", "")),
    ),
    "datadog": ("/api/v2/logs", "application/json", joined('{"message": M?, "timestamp": N?, "x": F?}')),
    "gelf": ("/gelf", "application/json", joined('{"short_message": M?, "timestamp": S?, "_x": F?}', "\n", ("", ""))),
    "drain": ("/drains/http", "application/json", joined('{"message": M?, "timestamp": S?, "x": F?}')),
    "vercel": ("/drains/vercel", "application/json", joined('{"message": M?, "timestamp": N?, "x": F?}')),
    "firehose": ("/firehose", "application/json", firehose),
    "heroku": ("/drains/heroku", "application/logplex-1", heroku),
    "journald": ("/journald/upload", "application/vnd.fdo.journal", journald),
}  # fmt: skip
BAD = {
    "too old": Sent(at=OLD),
    "empty": Sent(message=b'""'),
    "not UTF-8": Sent(message=b'"a\xff"'),
    "deep": Sent(field=b'{"a":' * 100 + b"1" + b"}" * 100),
    "NaN": Sent(field=b"NaN"),
    "huge number": Sent(field=b"1" + b"0" * 400),
    "long": Sent(message=b'"' + b"x" * 300_000 + b'"'),
    "doubled": Sent(field=b'1, "x": 2'),
}
REFUSED = {"too old", "empty"}
OF_OUR_OWN = {*REFUSED, "deep", "NaN", "huge number", "long"}  # which is strict, and says so


# What the answer says when one is refused, by the protocols that have words for it.
SAYS: dict[str, Callable[[Any], object]] = {
    "ours": lambda answer: answer.json()["data"]["rejected"] == 1 and answer.json()["details"],
    "otlp": lambda answer: answer.json()["partialSuccess"]["rejectedLogRecords"] == "1",
    "otlp protobuf": lambda answer: answer.content[2:4] == b"\x08\x01" and b"1 logs refused: " in answer.content,
    "elastic": lambda answer: (
        answer.json()["errors"] and {item["create"]["status"] for item in answer.json()["items"]} == {201, 400}
    ),
}


def post(api_key: str, name: str, body: bytes, **more: str) -> Any:
    path, content_type, _ = PROTOCOLS[name]
    headers = {"x-api-key": api_key, **({"prefer": "handling=lenient"} if name == "ours" else {}), **more}
    return Client(raise_request_exception=False).post(path, body, content_type=content_type, headers=headers)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_one_bad_entry_among_good_ones(api_key: str, name: str) -> None:
    for kind, bad in BAD.items():
        if (name, kind) == ("otlp", "doubled"):
            continue  # a list of names and values has no place for it
        LogEntry.objects.all().delete()
        IngestRefusal.objects.all().delete()
        entries = [Sent()] * (NUMBER - 1)
        entries.insert(NUMBER // 2, bad)
        answer = post(api_key, name, PROTOCOLS[name][2](entries))
        assert answer.status_code < 300, (kind, answer.content[:300])
        refused = sum(IngestRefusal.objects.values_list("count", flat=True))
        expected = kind in (OF_OUR_OWN if name == "ours" else REFUSED)
        if kind == "empty" and name not in {"ours", "loki", "loki protobuf", "hec", "journald"}:
            expected = False  # a record without a body is legal; of others the whole text is the message
        assert (LogEntry.objects.count(), refused) == (NUMBER - expected, int(expected)), (name, kind)
        assert not expected or name not in SAYS or SAYS[name](answer), (kind, answer.content)


NOT_IT = dict.fromkeys(PROTOCOLS, 400) | {"datadog": 202, "drain": 200, "vercel": 200, "heroku": 204}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_is_not_the_protocol_and_keys_that_are_over(api_key: str, name: str) -> None:
    answer = post(api_key, name, b"<xml>not at all</xml>\n")
    assert answer.status_code == NOT_IT[name], answer.content[:300]
    LogEntry.objects.all().delete()
    ApiKey.objects.update(revoked_at=datetime(2020, 1, 1, tzinfo=UTC))
    good = PROTOCOLS[name][2]([Sent()])
    assert post(api_key, name, good).status_code == 403
    assert post("", name, good).status_code in {401, 403}
    assert not LogEntry.objects.exists()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "snappy": lambda content: bytes(cramjam.snappy.compress_raw(content)),
    "lz4": lambda content: bytes(cramjam.lz4.compress(content)),
}
PIECE_BY_PIECE = {"gzip", "deflate", "zstd"}  # how a journal may be packed


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_bomb_is_refused_however_it_is_packed(api_key: str, name: str, settings: Any) -> None:
    settings.INGEST_FOREIGN_MAX_BYTES = settings.INGEST_MAX_BYTES = 1_000_000
    for encoding, pack in PACKERS.items():
        answer = post(api_key, name, pack(b" " * 5_000_000), **{"content-encoding": encoding})
        if name == "ours":
            assert answer.status_code == (413 if encoding == "gzip" else 415), encoding
        elif name == "journald":  # which has no end, and is read while it is no more than a field that is too long
            assert answer.status_code == (400 if encoding in PIECE_BY_PIECE else 415), encoding
        else:
            assert answer.status_code == 413, (encoding, answer.content)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", ["otlp protobuf", "loki protobuf"])
def test_what_ends_too_early_or_lies_about_its_length_is_refused_whole(api_key: str, name: str) -> None:
    body = PROTOCOLS[name][2]([Sent()] * 3)
    plain = bytes(cramjam.snappy.decompress_raw(body)) if name == "loki protobuf" else body
    lying = b"\x0a\xff\xff\xff\x7f" + plain[2:]
    for broken in (plain[:-1], plain[: len(plain) // 2], lying, plain + b"\x0a"):
        sent = bytes(cramjam.snappy.compress_raw(broken)) if name == "loki protobuf" else broken
        answer = post(api_key, name, sent)
        assert answer.status_code == 400, answer.content
        packed = post(api_key, name, gzip.compress(broken)[:-9], **{"content-encoding": "gzip"})
        assert packed.status_code == 400, packed.content
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_keys_for_something_else_store_nothing(environment: Environment, name: str) -> None:
    body = PROTOCOLS[name][2]([Sent()])
    other = make_key(environment, scopes=[ApiKey.Scope.DEPLOYMENTS])
    assert post(other, name, body).status_code == 403
    for foreign in ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "ghp_" + "a" * 36, "pol_" + "0" * 63, "pol_" + "g" * 64):
        assert post(foreign, name, body).status_code in {401, 403}
    assert not LogEntry.objects.exists()
