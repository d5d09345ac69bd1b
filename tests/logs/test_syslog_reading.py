"""Syslog as it is framed, read and configured, without a socket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.ingest.syslog import read_line
from logs.syslog.checks import listeners_can_be_used
from logs.syslog.framing import Framer, FramingError
from logs.syslog.listeners import ListenerError, read_listeners
from logs.syslog.sender_keys import without_key

KEY = "pol_" + "0" * 64


# -- Framing ----------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.integers(1, 40))
def test_counted_messages_in_any_pieces(messages: list[bytes], step: int) -> None:
    wire = b"".join(b"%d %b" % (len(message), message) for message in messages)
    framer = Framer(20)
    read = [each for at in range(0, len(wire), step) for each in framer.feed(wire[at : at + step])]
    assert read == [message[:20] for message in messages]
    assert framer.finish() == []


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.text("<>ab1 ", max_size=30), max_size=6), st.sampled_from([b"\n", b"\0", b"\r\n"]), st.integers(1, 9)
)
def test_lines_in_any_pieces(lines: list[str], end: bytes, step: int) -> None:
    messages = [f"<1>{line}x".encode() for line in lines]
    wire = b"".join(message + end for message in messages)
    framer = Framer(20)
    read = [each for at in range(0, len(wire), step) for each in framer.feed(wire[at : at + step])]
    assert [each.rstrip(b"\r") for each in read] == [message[:20] for message in messages]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_anything_is_framed_or_refused_and_little_of_it_is_kept(parts: list[bytes]) -> None:
    framer = Framer(20)
    try:
        for part in parts:
            assert all(len(each) <= 20 for each in framer.feed(part))
            assert len(framer._data) <= 60
    except FramingError:
        pass


def test_a_length_that_is_none_is_refused() -> None:
    for wire in (b"0 ", b"9999999999999 <1>a", b"12x<1>", b"5 hello99999999999"):
        with pytest.raises(FramingError):
            Framer(100).feed(wire)


# -- Messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "zone", "at", "message", "meta"),
    [
        ("<13>Nov 29 17:49:26 vm shop: hello", UTC, "2026-11-29T17:49:26+00:00", "hello", b'"appname":"shop"'),
        (
            "<13>Nov 29 17:49:26 vm shop[7]: hello",
            ZoneInfo("Europe/Berlin"),
            "2026-11-29T16:49:26+00:00",
            "hello",
            b'"7"',
        ),
        (
            "<13>2026-11-29T17:49:26.252159+01:00 vm shop: hello",
            UTC,
            "2026-11-29T16:49:26.252159+00:00",
            "hello",
            b"vm",
        ),
        ("<189>29: *Nov 29 18:46:11.123: %SYS-5-X: up", UTC, "2026-11-29T18:46:11.123+00:00", "%SYS-5-X: up", b"23"),
        ("<189>Nov  9 2025 18:46:11: %ASA-6: up", UTC, "2025-11-09T18:46:11+00:00", "%ASA-6: up", b"23"),
    ],
)
def test_times_as_senders_write_them(line: str, zone: Any, at: str, message: str, meta: bytes) -> None:
    row = read_line(line.encode(), datetime(2026, 11, 30, tzinfo=UTC), zone)
    assert row[0] == datetime.fromisoformat(at).timestamp() * 1_000_000
    assert (row[2], meta in row[3]) == (message, True)


def test_a_key_is_taken_out_of_the_structured_data() -> None:
    element = f'[pulseops@32473 key="{KEY}"]'
    assert without_key(f"<11>1 - h a p m {element} hi".encode()) == (b"<11>1 - h a p m - hi", KEY)
    assert without_key(f'<11>1 - h a p m [x y="z"]{element} hi'.encode()) == (b'<11>1 - h a p m [x y="z"] hi', KEY)
    assert without_key(b"<11>hello") == (b"<11>hello", None)


# -- Listeners --------------------------------------------------------------------------------------------------------


def test_listeners() -> None:
    udp, tcp, tls = read_listeners(
        f"udp://0.0.0.0:514?key={KEY}&from=192.0.2.0/24,2001:db8::/32\n tcp://127.0.0.1:514?zone=Europe/Berlin tls://[::]:6514"
    )
    assert [str(each) for each in (udp, tcp, tls)] == ["udp://0.0.0.0:514", "tcp://127.0.0.1:514", "tls://[::]:6514"]
    assert [udp.admits(each) for each in ("192.0.2.9", "::ffff:192.0.2.9", "198.51.100.1", "x")] == [
        True,
        True,
        False,
        False,
    ]
    assert tcp.zone == ZoneInfo("Europe/Berlin")
    assert (tls.key, tls.admits("198.51.100.1")) == (None, True)
    assert read_listeners("  ") == []


@pytest.mark.parametrize(
    "text",
    [
        "514",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:99999",
        "http://127.0.0.1:514",
        "tcp://127.0.0.1:514?key=secret",
        "tcp://127.0.0.1:514?color=red",
        "tcp://127.0.0.1:514?zone=Nowhere",
        "tcp://127.0.0.1:514?from=10.0.0.0/99",
        "tcp://127.0.0.1:514 tls://127.0.0.1:514",
        "udp://127.0.0.1:514",
        f"udp://127.0.0.1:514?key={KEY}",
    ],
)
def test_what_cannot_be_listened_to_is_said_without_a_key(text: str, settings: Any) -> None:
    with pytest.raises(ListenerError) as raised:
        read_listeners(text)
    assert "secret" not in str(raised.value)
    settings.SYSLOG_LISTENERS = text
    assert [each.id for each in listeners_can_be_used()] == ["pulseops.E021"]


# -- The process, with real senders -----------------------------------------------------------------------------------
