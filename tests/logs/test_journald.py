"""Journals: read while they arrive, stored piece by piece, and once however often they are sent."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.ingest.protocols.journald import upload
from logs.ingest.protocols.journald.export import KEPT_BYTES, ExportReader, NotAJournalError, row_of_entry
from logs.models import IngestRefusal, LogEntry
from pulseops.core.web.body_stream import Dechunker

AT = timezone.now().replace(microsecond=252_159) - timedelta(hours=1)
PATH = "/journald/upload"


def binary(name: str, value: bytes) -> bytes:
    return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def entry(number: int, message: str = "", *, more: bytes = b"", priority: int | None = 3) -> bytes:
    micros = round(AT.timestamp() * 1_000_000) + number
    return (
        f"__CURSOR=s=aa;i={number:x};b=bb;m=1;t={micros:x};x=1\n__REALTIME_TIMESTAMP={micros}\n"
        "__MONOTONIC_TIMESTAMP=7\n_BOOT_ID=0123\n_SYSTEMD_UNIT=shop.service\n".encode()
        + (f"PRIORITY={priority}\n".encode() if priority is not None else b"")
        + f"MESSAGE={message or f'line {number}'}\n".encode()
        + more
        + b"\n"
    )


def send(api_key: str, body: bytes, **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().post(
        PATH, body, "application/vnd.fdo.journal", headers={"authorization": f"Bearer {api_key}", **names}
    )


@pytest.mark.django_db
def test_an_entry_becomes_a_log(api_key: str) -> None:
    answer = send(api_key, entry(0, "charge failed", more=binary("CODE_FUNC", b"a\nb") + b"_PID=12\n"))
    assert (answer.status_code, answer.content) == (200, b"1 entries stored.\n")
    log = LogEntry.objects.get()
    assert (log.ts, log.level, log.message) == (AT, "error", "charge failed")
    assert log.meta_json == {"_SYSTEMD_UNIT": "shop.service", "CODE_FUNC": "a\nb", "_PID": "12"}


@pytest.mark.django_db
def test_what_services_print_is_lifted_and_says_more_than_the_priority_of_their_unit(api_key: str) -> None:
    source = f"_SOURCE_REALTIME_TIMESTAMP={round(AT.timestamp() * 1_000_000) - 5}\n".encode()
    send(api_key, entry(0, '{"msg": "slow", "level": "warn", "order": 7}', more=source, priority=6))
    log = LogEntry.objects.get()
    assert (log.message, log.level, log.ts) == ("slow", "warn", AT - timedelta(microseconds=5))
    assert log.meta_json == {"_SYSTEMD_UNIT": "shop.service", "order": 7}


@pytest.mark.django_db
def test_one_that_cannot_be_stored_costs_no_other(api_key: str) -> None:
    old = entry(1).replace(b"__REALTIME_TIMESTAMP=", b"__REALTIME_TIMESTAMP=1\n_SOURCE_REALTIME_TIMESTAMP=1\nOLD=")
    body = (
        entry(0)
        + old
        + entry(2).replace(b"MESSAGE=line 2\n", b"")
        + entry(3, "\udcff".encode(errors="replace").decode())
    )
    assert send(api_key, body + entry(4, "x" * 300_000)).status_code == 200
    assert LogEntry.objects.count() == 3
    refusals = dict(IngestRefusal.objects.values_list("reason", "count"))
    assert refusals == {"without a message": 1, "older than this service keeps logs": 1}
    cut = LogEntry.objects.order_by("ts").last()
    assert cut is not None
    assert (len(cut.message), cut.meta_json["truncated"]) == (262_144, True)


@pytest.mark.django_db
def test_what_was_stored_is_skipped_when_it_comes_again(api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a client does whose request broke off: from the cursor that was answered for last."""
    monkeypatch.setattr(upload, "PIECE_ENTRIES", 10)
    entries = [entry(number) for number in range(35)]
    assert send(api_key, b"".join(entries[:25])).status_code == 200
    assert send(api_key, b"".join(entries)).status_code == 200
    assert LogEntry.objects.count() == 35
    assert send(api_key, b"".join(entries)).content == b"0 entries stored.\n"
    # Another journal that begins alike is another journal.
    assert send(api_key, entries[0] + b"".join(entries[20:31])).status_code == 200
    assert LogEntry.objects.count() == 35 + 12


@pytest.mark.django_db
def test_gzip_and_the_answers_for_what_is_no_journal(api_key: str) -> None:
    assert send(api_key, gzip.compress(entry(0) + entry(1)), content_encoding="gzip").status_code == 200
    assert LogEntry.objects.count() == 2
    assert send(api_key, b"x" * 100, content_encoding="gzip").status_code == 400
    assert send(api_key, entry(5), content_encoding="lz4").status_code == 415
    broken = send(api_key, entry(6) + b'{"message": "hello"}\n')
    assert (broken.status_code, broken.content) == (400, b"The body is not in the journal export format.\n")
    assert LogEntry.objects.count() == 3  # what stood before it is a log
    assert send("pol_" + "0" * 64, entry(7)).status_code == 403
    assert Client().post(PATH, entry(7), "application/vnd.fdo.journal").status_code == 401
    assert Client().get(PATH).status_code == 405
    assert IngestRefusal.objects.filter(protocol="journald").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"MESSAGE\n" + (2**40).to_bytes(8, "little") + b"x",
        b"message=lower case\n\n",
        b"A" * 1_000,
        b"\n" * 100_000,
        b"A=1\n" * 100_000,
    ],
)
def test_lying_lengths_and_endless_entries_end(api_key: str, body: bytes) -> None:
    assert send(api_key, body).status_code == 400


def test_a_value_of_many_megabytes_is_not_kept() -> None:
    reader = ExportReader()
    entries = reader.feed(b"MESSAGE=dump\n" + b"COREDUMP\n" + (50 * 2**20).to_bytes(8, "little"))
    for _ in range(50):
        entries += reader.feed(b"\0" * 2**20)
        assert len(reader._data) < 2**21
    entries += reader.feed(b"\n" + b"LINE=" + b"y" * (KEPT_BYTES * 3))
    entries += reader.feed(b"y\n_PID=1\n\n")
    [found] = entries
    assert {name: len(value) for name, value in found.fields.items()} == {
        b"MESSAGE": 4, b"COREDUMP": KEPT_BYTES, b"_PID": 1,
    }  # fmt: skip
    assert found.size > 50 * 2**20


VALUES = st.binary(max_size=20)
FIELDS = st.dictionaries(st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,8}\Z"), VALUES, min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(FIELDS, max_size=5), st.integers(1, 30), st.booleans())
def test_any_journal_in_any_pieces(journal: list[dict[str, bytes]], step: int, is_binary: bool) -> None:
    body = b"".join(
        b"".join(
            binary(name, value) if is_binary or b"\n" in value else name.encode() + b"=" + value + b"\n"
            for name, value in fields.items()
        )
        + b"\n"
        for fields in journal
    )
    reader = ExportReader()
    entries = [each for at in range(0, len(body), step) for each in reader.feed(body[at : at + step])]
    assert [each.fields for each in entries] == [
        {name.encode(): value for name, value in fields.items()} for fields in journal
    ]
    for each in entries:
        row_of_entry(each.fields)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([b"A=1", b"\n", b"A\n", bytes(8), b"\xff", b"MESSAGE=x\n", b"a"]), max_size=30))
def test_anything_else_is_no_journal_or_entries(parts: list[bytes]) -> None:
    reader = ExportReader()
    try:
        for part in parts:
            for each in reader.feed(part):
                row_of_entry(each.fields)
    except NotAJournalError:
        pass


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40), st.integers(1, 20))
def test_chunks(body: bytes, size: int, step: int) -> None:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    wire = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"
    dechunker = Dechunker()
    assert b"".join(dechunker.feed(wire[at : at + step]) for at in range(0, len(wire), step)) == body
    assert dechunker.has_ended
