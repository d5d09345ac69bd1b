"""GELF by UDP and TCP: chunks, packed datagrams, and what Docker's driver and others put on the wire."""

from __future__ import annotations

import gzip
import json
import random
import socket
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from logs.models import IngestRefusal, LogEntry
from logs.syslog import datagrams
from logs.syslog.gelf import (
    BROKEN_CHUNK,
    CROWDED_OUT,
    DOCUMENT_BYTES,
    INCOMPLETE,
    NOT_UNPACKED,
    TOO_LARGE,
    Chunks,
    GelfError,
    GelfFramer,
    unpacked_document,
)
from logs.syslog.listeners import ListenerError, read_listeners
from services.snippets import filled_groups
from tests.support.syslog_server import running
from tests.support.waiting import wait_until

db = pytest.mark.django_db(transaction=True)
KEY = "pol_" + "0" * 64


def chunks_of(document: bytes, size: int, name: bytes = b"document") -> list[bytes]:
    """Cut a document as go-gelf does, which Docker's driver sends by."""
    parts = [document[at : at + size] for at in range(0, len(document), size)]
    return [b"\x1e\x0f" + name + bytes([number, len(parts)]) + part for number, part in enumerate(parts)]


# -- Chunks, without a socket -----------------------------------------------------------------------------------------


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=120), st.integers(1, 9), st.randoms(use_true_random=False))
def test_chunks_in_any_order_and_twice_make_the_document(document: bytes, size: int, random: random.Random) -> None:
    size = max(size, -(-len(document) // 128))
    sent = chunks_of(document, size) * (1 if len(document) <= size else 2)
    head, tail = sent[: len(sent) // 2 or 1], sent[len(sent) // 2 or 1 :]
    random.shuffle(head)
    chunks = Chunks(1_000_000)
    whole = [each for chunk in head for each in [chunks.add(chunk, "a", 0.0)] if each is not None]
    assert whole == [document]
    for chunk in tail:  # what is late begins anew, and is forgotten
        chunks.add(chunk, "a", 0.0)
    chunks.lost(6.0)
    assert (len(chunks), chunks._bytes) == (0, 0)


def test_chunks_that_stay_away_or_are_too_many_are_lost_and_counted() -> None:
    chunks = Chunks(3_000)
    first, second = chunks_of(b"x" * 20, 10)
    assert chunks.add(first, "a", 0.0) is None
    assert chunks.lost(4.9) == []
    assert chunks.lost(5.0) == [("a", INCOMPLETE, b"x" * 10)]
    assert chunks.add(second, "a", 6.0) is None  # another document by now
    for number in range(4):
        chunks.add(chunks_of(b"y" * 1_600, 800, b"%08d" % number)[0], "b", 7.0)
    assert [reason for _, reason, _ in chunks.lost(7.0)] == [CROWDED_OUT] * 3  # the one above is one of them
    assert chunks._bytes <= 3_000


@pytest.mark.parametrize("chunk", [b"", b"\0", b"\5\5", b"\0\0", b"\1\x81", b"\xff\xff"])
def test_a_broken_chunk_is_refused(chunk: bytes) -> None:
    with pytest.raises(GelfError, match=BROKEN_CHUNK):
        Chunks(1_000).add(b"\x1e\x0f12345678" + chunk, "a", 0.0)


def test_a_chunk_that_counts_otherwise_is_refused() -> None:
    chunks = Chunks(1_000)
    chunks.add(b"\x1e\x0f12345678\0\3a", "a", 0.0)
    with pytest.raises(GelfError, match=BROKEN_CHUNK):
        chunks.add(b"\x1e\x0f12345678\1\2b", "a", 0.0)


def test_a_packed_document_is_unpacked_within_its_limit() -> None:
    for pack in (gzip.compress, zlib.compress, bytes):
        assert unpacked_document(pack(b'{"short_message":"a"}')) == b'{"short_message":"a"}'
        with pytest.raises(GelfError, match=TOO_LARGE):
            unpacked_document(pack(b" " * (DOCUMENT_BYTES + 1)))
    for broken in (gzip.compress(b"{}")[:-4], b"\x1f\x8b????", zlib.compress(b"{}")[:4]):
        with pytest.raises(GelfError, match=NOT_UNPACKED):
            unpacked_document(broken)


# -- A stream, without a socket ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "documents"),
    [
        (b'{"a":1}\0{"b":\n2}\0', [b'{"a":1}', b'{"b":\n2}']),
        (b'{"a":\n1}\0{"b":2}\0', [b'{"a":\n1}', b'{"b":2}']),
        (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\r\n{"b":2}\0\n', [b'{"a":1}\r', b'{"b":2}']),
        (b"17 bottles of beer\0", [b"17 bottles of beer"]),
        (b"x" * 70 + b"\0{}\0", [b"x" * 64, b"{}"]),
    ],
)
@pytest.mark.parametrize("step", [1, 5, 100])
def test_documents_of_a_stream(wire: bytes, documents: list[bytes], step: int) -> None:
    framer = GelfFramer(64)
    assert [each for at in range(0, len(wire), step) for each in framer.feed(wire[at : at + step])] == documents
    assert framer.finish() == []


@pytest.mark.parametrize(
    "text", ["gelf+tcp://127.0.0.1:1", "gelf+tls://127.0.0.1:1", f"gelf+udp://127.0.0.1:1?key={KEY}", "gelf://a:1"]
)
def test_a_listener_for_gelf_has_a_key_and_by_udp_networks(text: str) -> None:
    with pytest.raises(ListenerError):
        read_listeners(text)
    (listener,) = read_listeners(f"gelf+tls://127.0.0.1:1?key={KEY}")
    assert (str(listener), listener.kind, listener.protocol) == ("gelf+tls://127.0.0.1:1", "tls", "gelf")


def test_the_text_of_the_page_of_a_new_key_opens_ports_and_sends_to_them(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://logs.acme.test"
    (code,) = (each.code for group in filled_groups(KEY) for each in group.snippets if each.filename == "syslog.sh")
    listeners = read_listeners(code.split('"')[1])
    assert {(each.protocol, each.kind, each.key) for each in listeners} == {
        (protocol, kind, KEY) for protocol in ("syslog", "gelf") for kind in ("udp", "tcp")
    }
    ports = {(each.protocol, each.kind): each.port for each in listeners}
    assert f"logger -n logs.acme.test -P {ports['syslog', 'tcp']} -T " in code
    assert f"gelf-address=udp://logs.acme.test:{ports['gelf', 'udp']} " in code


# -- Sockets ----------------------------------------------------------------------------------------------------------

AT = datetime.now(UTC).replace(microsecond=123_000)


def dockers(line: str, **more: Any) -> bytes:
    """What moby's daemon/logger/gelf/gelf.go makes of a line on stderr."""
    return json.dumps(
        {
            "version": "1.1", "host": "web", "short_message": line, "timestamp": AT.timestamp(), "level": 3,
            "_command": "./shop", "_container_id": "3f9a0c51d2e8", "_container_name": "shop",
            "_created": "2026-11-30T08:00:00Z", "_image_id": "sha256:1", "_image_name": "shop:1", "_tag": "shop",
            **more,
        }
    ).encode()  # fmt: skip


@db
def test_dockers_driver_by_udp_and_tcp(api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6_000))  # which stays large
    listeners = [f"gelf+udp://127.0.0.1:1?key={api_key}&from=127.0.0.0/8", f"gelf+tcp://127.0.0.1:2?key={api_key}"]
    with running(monkeypatch, *listeners) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.connect(("127.0.0.1", server.port()))
            for line in ("packed", "in chunks " + noise):
                packed = gzip.compress(dockers(line))
                for datagram in chunks_of(packed, 1_420 - 12) if len(packed) > 1_420 else [packed]:
                    peer.send(datagram)
        with socket.create_connection(("127.0.0.1", server.port(1))) as peer:
            peer.sendall(dockers(json.dumps({"msg": "by TCP", "level": "warn", "order": 7})) + b"\0no JSON\0")
        wait_until(lambda: LogEntry.objects.count() == 3 and IngestRefusal.objects.exists())
    logs = {log.message[:9]: log for log in LogEntry.objects.all()}
    assert [(logs[name].level, logs[name].ts) for name in ("packed", "in chunks")] == [("error", AT)] * 2
    assert logs["in chunks"].message == "in chunks " + noise
    meta = logs["by TCP"].meta_json
    assert (meta["order"], meta["container_name"], meta["host"]) == (7, "shop", "web")
    refusal = IngestRefusal.objects.get()
    assert (refusal.protocol, refusal.reason, refusal.sample) == ("gelf", "not a JSON object", "no JSON")


@db
def test_what_comes_by_udp_and_cannot_be_stored_is_counted(api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "CHUNK_SECONDS", 0.05)
    monkeypatch.setattr("logs.syslog.gelf.CHUNK_SECONDS", 0.05)
    bad: dict[str, bytes] = {
        NOT_UNPACKED: b"\x1f\x8bnothing",
        TOO_LARGE: zlib.compress(b" " * 50_000_000),
        BROKEN_CHUNK: b"\x1e\x0f1",
        "not a JSON object": b"[1]",
        INCOMPLETE: chunks_of(dockers("half"), 100)[0],
    }
    with running(monkeypatch, f"gelf+udp://127.0.0.1:1?key={api_key}&from=127.0.0.1") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.connect(("127.0.0.1", server.port()))
            for datagram in [*bad.values(), dockers("good")]:
                peer.send(datagram[:60_000])
        wait_until(lambda: LogEntry.objects.exists() and IngestRefusal.objects.count() == len(bad))
    assert LogEntry.objects.get().message == "good"
    assert dict(IngestRefusal.objects.values_list("reason", "count")) == dict.fromkeys(bad, 1)
