"""POST /api/v1/logs/ingest: no body costs more than its budget, and none is answered by "send it again" forever."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as product

from logs.ingest.copy_format import replace_unstorable
from logs.ingest.protocols import json as protocol
from logs.models import LogEntry
from tests.logs.conftest import Send
from tests.logs.sending import error, problem, stored
from tests.support.cpu import BUDGET_SECONDS, cpu_of

pytestmark = pytest.mark.django_db


def entries(*logs: dict[str, Any] | str) -> bytes:
    """A body of entries, each a dict or JSON text."""
    return b"[" + ",".join(log if isinstance(log, str) else json.dumps(log) for log in logs).encode() + b"]"


def full(piece: str, *, size: int) -> str:
    """Repeat `piece` with commas between, to about `size` characters."""
    return ",".join([piece] * (size // (len(piece) + 1)))


def numbered_fields(count: int) -> str:
    return ",".join(f'"k{number}":1' for number in range(count))


def colliding(count: int) -> str:
    """An entry whose fields all have names that its `meta` has already, `_` by `_`."""
    names = [f"{'_' * number}k" for number in range(count)]
    members = json.dumps(dict.fromkeys(names, 1))
    return f'{{"message":"a","meta":{members},{members[1:]}'


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


def unknown_fields(size: int) -> bytes:
    entry = f'{{"message":"a",{numbered_fields(product.INGEST_MAX_FIELDS)}}}'
    return b"[" + full(entry, size=size).encode() + b"]"


# Each makes a body of at most `size` bytes.
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "leap seconds in a timestamp": lambda size: entries(
        *[{"message": "a", "timestamp": "T00:00:60" * 900 + "a" * 40_000}] * (size // 48_200)
    ),
    "one long timestamp": lambda size: entries({"message": "a", "timestamp": "T00:00:60" * (size // 10)}),
    "a timestamp of spaces": lambda size: entries({"message": "a", "timestamp": " " * (size - 50)}),
    "unknown fields of one entry": lambda size: entries(f'{{"message":"a",{numbered_fields(size // 12)}}}'),
    "unknown fields of many entries": unknown_fields,
    "fields inside of unknown fields": lambda size: entries(
        '{"message":"a","x":[' + full('{"a":1}', size=size - 40) + "]}"
    ),
    "names that are taken": lambda size: b"[" + full(colliding(450), size=size).encode() + b"]",
    "the same name over and over": lambda size: entries('{"message":"a",' + full('"k":1', size=size - 30) + "}"),
    "fields without a name": lambda size: entries('{"message":"a","meta":{' + full('"":1', size=size - 40) + "}}"),
    "an array of arrays": lambda size: entries('{"message":"a","meta":{"x":[' + full("[]", size=size - 40) + "]}}"),
    "many deep values": lambda size: entries('{"message":"a","meta":{"x":[' + full(deep(30), size=size - 40) + "]}}"),
    "the deepest value": lambda size: entries('{"message":"a","meta":{"x":' + deep(size // 2 - 40) + "}}"),
    "the deepest body": lambda size: deep(size // 2).encode(),
    "runs of digits": lambda size: entries('{"message":"a","meta":{"x":"' + ("9" * 400 + "a") * (size // 402) + '"}}'),
    "a long number": lambda size: entries('{"message":"a","meta":{"x":' + "9" * (size - 40) + "}}"),
    "small numbers": lambda size: entries('{"message":"a","meta":{"x":[' + full("1e-200", size=size - 40) + "]}}"),
    "a wrong number in the last of many fields": lambda size: (
        b"[" + full(f'{{"message":"a",{numbered_fields(990)},"z":1e999}}', size=size).encode() + b"]"
    ),
    "strings of brackets": lambda size: entries('{"message":"a","meta":{"x":[' + full('"[{"', size=size - 40) + "]}}"),
    "escapes": lambda size: entries('{"message":"\\u0000' + "\\n" * (size // 2 - 20) + '"}'),
    "escapes that cannot be stored": lambda size: entries('{"message":"' + "\\u0000" * (size // 6 - 10) + '"}'),
    "backslashes": lambda size: entries('{"message":"\\ud800' + "\\\\" * (size // 2 - 20) + '"}'),
    "a level": lambda size: entries({"message": "a", "level": "\u0130" * (size // 6 - 10)}),
    "blank lines": lambda size: b"\n" * size,
    "lines": lambda size: b"1\n" * (size // 2),
    "numbers": lambda size: b"[" + full("1", size=size - 2).encode() + b"]",
    "empty objects": lambda size: b"[" + full("{}", size=size - 2).encode() + b"]",
    "many wrong entries": lambda size: b"[" + full('{"message":1}', size=13 * 5_000).encode() + b"]",
    "names of fields that are wrong": lambda size: entries({"message": "a", "x" * (size // 2): 1, "meta": 1}),
}


@pytest.fixture(autouse=True)
def warmed_up(send: Send) -> None:
    """What a process does once is no part of what a request costs."""
    send({"logs": []})


# The worst, and those with a cost that does not grow with their size: a tenth of them says nothing.
AT_FULL_SIZE = (
    "unknown fields of many entries", "small numbers", "the deepest body", "the deepest value",
    "a wrong number in the last of many fields",
)  # fmt: skip


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in AT_FULL_SIZE[2:]])
def test_no_body_costs_more_than_its_budget(send: Send, name: str, lenient: bool) -> None:
    """At a tenth of the size that is allowed, with a tenth of the budget; some at all of it, below."""
    assert_within_budget(send, name, 10, lenient=lenient)


@pytest.mark.slow
@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("name", AT_FULL_SIZE)
def test_some_bodies_at_their_full_size(send: Send, name: str, lenient: bool) -> None:
    assert_within_budget(send, name, 1, lenient=lenient)


def assert_within_budget(send: Send, name: str, part: int, *, lenient: bool) -> None:
    """Send one `part`th of what is allowed; it is answered within that part of the budget of CPU."""
    headers = {"prefer": "handling=lenient"} if lenient else {}
    content_type = "application/x-ndjson" if "line" in name else "application/json"
    body = HOSTILE[name](product.INGEST_MAX_BYTES // part)
    response, seconds = cpu_of(send, body, content_type=content_type, within=BUDGET_SECONDS / part, **headers)
    assert response.status_code in {200, 400, 413}, response.content
    assert seconds < BUDGET_SECONDS / part


def test_gzip_of_many_members(send: Send) -> None:
    """The cost is that of the bytes, and 200,000 members are no body of logs."""
    members = gzip.compress(b"", mtime=0) * 200_000
    response, seconds = cpu_of(send, members, content_encoding="gzip", within=BUDGET_SECONDS / 4)
    assert "members" in error(response, 400, "BAD_REQUEST")["message"]
    assert seconds < BUDGET_SECONDS / 4
    lines = b"".join(gzip.compress(b'{"message":"a"}\n', mtime=0) for _ in range(5_000))
    sent = {"content_encoding": "gzip", "content_type": "application/x-ndjson"}
    response, seconds = cpu_of(send, lines, within=BUDGET_SECONDS / 2, **sent)
    assert response.json() == {"data": {"accepted": 5_000}}
    assert seconds < BUDGET_SECONDS / 2


@pytest.mark.parametrize("text", ["T00:00:60" * 1_100, "2025-01-31T12:00:60Z" * 4, "1" * 65, "\u0661" * 30])
def test_a_timestamp_is_refused_by_its_length_first(send: Send, text: str) -> None:
    """At e4c1cee the first was a 500: a step of recursion for each of its leap seconds."""
    path, message = problem(send([{"message": "a", "timestamp": text}]))
    assert path == "logs[0].timestamp"
    assert ("64 characters" in message) == (len(text) > 64)


@pytest.mark.parametrize("text", ["2025-01-31T00:00:60T00:00:60Z", "2025-01-31T12:00:60", "9999-12-31T23:59:60Z"])
def test_a_leap_second_is_read_once(send: Send, text: str) -> None:
    assert problem(send([{"message": "a", "timestamp": text}]))[0] == "logs[0].timestamp"


def fields(count: int) -> dict[str, int]:
    return {f"k{number}": number for number in range(count)}


@pytest.mark.parametrize(
    "entry",
    [
        {"meta": fields(1_000)},
        {"meta": {"a": [fields(500), fields(498)]}},
        {"meta": {"a": {"b": fields(998)}}},
        fields(1_000),
        {"meta": fields(400), "inner": fields(399), **{f"u{number}": 1 for number in range(200)}},
        {"meta": {"a": ":" * 5_000, '"\\:': ["\\", '":' * 4_000]}},
    ],
)
def test_a_thousand_fields_are_stored(send: Send, entry: dict[str, Any]) -> None:
    assert send([{"message": "a", **entry}]).status_code == 200
    meta = entry.pop("meta", {})
    assert stored().meta_json == {**meta, **entry}


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"meta": fields(1_001)}, "logs[0].meta"),
        ({"meta": {"a": [fields(500), fields(500)]}}, "logs[0].meta"),
        (fields(1_001), "logs[0]"),
        ({"x": fields(1_000)}, "logs[0]"),
        ({"meta": fields(900), **{f"u{number}": 1 for number in range(101)}}, "logs[0]"),
    ],
)
def test_more_fields_are_refused(send: Send, entry: dict[str, Any], path: str) -> None:
    assert problem(send([{"message": "a", **entry}])) == (path, "has more than 1000 fields")
    good = {"message": "b"}
    response = send([{"message": "a", **entry}, good], prefer="handling=lenient")
    assert response.json()["data"] == {"accepted": 1, "rejected": 1}


def test_names_that_are_taken_are_distinguished(send: Send) -> None:
    names = [f"{'_' * number}k" for number in range(300)]
    assert send([{"message": "a", "meta": dict.fromkeys(names, 1), **dict.fromkeys(names, 2)}]).status_code == 200
    meta = stored().meta_json
    assert meta == {f"{'_' * number}k": 1 if number < 300 else 2 for number in range(600)}


@pytest.mark.parametrize("failure", [RecursionError("deep"), ValueError("odd"), KeyError("x")])
def test_what_a_body_makes_of_our_reading_it_is_never_a_500(
    send: Send, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender repeats what is answered by 500: the batch would stand before all others forever."""

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr(protocol, "make_batch", fail)
    error(send([{"message": "a"}]), 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb"\u0000", rb"\ufffd"),
        (rb"\\u0000", rb"\\u0000"),
        (rb"\\\u0000", rb"\\\ufffd"),
        (rb"\ud800\ud83d\ude00\udc00", rb"\ufffd\ud83d\ude00\ufffd"),
        (rb"\ud83d\\ude00", rb"\ufffd\\ude00"),
        (rb"\\ud83d\ude00\u0000", rb"\\ud83d\ufffd\ufffd"),
        (rb"\uD83D\uDE00\uDE00", rb"\uD83D\uDE00\ufffd"),
    ],
)
def test_escapes_that_cannot_be_stored(sent: bytes, kept: bytes) -> None:
    assert replace_unstorable(sent) == kept


def test_a_refused_batch_is_read_once(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key's scope is known from the batch before; after a look at the key the body is not read again."""
    assert send([{"message": "a"}]).status_code == 200
    LogEntry.objects.all().delete()
    calls = []
    make = protocol.make_batch
    monkeypatch.setattr(protocol, "make_batch", lambda *args, **kwargs: (calls.append(1), make(*args, **kwargs))[1])
    assert send([{"message": ""}]).status_code == 400
    assert len(calls) == 1
