"""Where a request ends is known however its bytes arrive, and nothing grows without end before it is."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseops.server import request_buffer
from pulseops.server.request_buffer import Progress, RequestBuffer

GET = b"GET /logs HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /api/v1/logs/ingest HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0a;name=x\r\n0123456789\r\n0\r\n\r\n"
)
TRAILERS = CHUNKED[:-2] + b"X-Sum: 1\r\n\r\n"


def read(buffer: RequestBuffer) -> bytes:
    """Take the current request as gunicorn does: the head, then the body."""
    parts = []
    while part := buffer.take(7):
        parts.append(part)
    return b"".join(parts)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([GET, POST, CHUNKED, TRAILERS]), min_size=1, max_size=4),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_requests_are_distinguished_however_they_arrive(requests: list[bytes], places: list[int]) -> None:
    sent = b"".join(requests)
    cuts = sorted(min(place, len(sent)) for place in places)
    buffer, whole = RequestBuffer(), []
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        buffer.add(sent[start:end])
        while buffer.progress is Progress.WHOLE:
            whole.append(read(buffer))
            buffer.forget()
    assert whole == requests
    assert len(buffer) == 0


@pytest.mark.parametrize("request_", [GET, POST, CHUNKED, TRAILERS])
def test_what_is_missing_a_byte_is_not_whole(request_: bytes) -> None:
    buffer = RequestBuffer()
    buffer.add(request_[:-1])
    assert buffer.progress in (Progress.HEAD, Progress.BODY)


@pytest.mark.parametrize(
    "bad",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffffff\r\n",
    ],
)
def test_what_never_ends_is_handed_over_to_be_refused(bad: bytes) -> None:
    buffer = RequestBuffer()
    for number in range(len(bad)):
        buffer.add(bad[number : number + 1])
    assert buffer.progress is Progress.WHOLE


@pytest.mark.parametrize("line", [b"GET /" + b"a" * 140_000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 80_000])
def test_a_head_is_bounded(line: bytes) -> None:
    buffer = RequestBuffer()
    for start in range(0, len(line), 10_000):
        buffer.add(line[start : start + 10_000])
    assert buffer.progress is Progress.TOO_LARGE


def test_a_long_address_ends_in_a_refusal_also_when_it_arrives_at_once() -> None:
    buffer = RequestBuffer()
    buffer.add(b"GET /" + b"a" * 140_000 + b" HTTP/1.1\r\n\r\n")
    assert buffer.progress is Progress.TOO_LARGE


@pytest.mark.parametrize(
    "headers", [b"Content-Length: 99999999", b"Expect: 100-continue\r\nContent-Length: 5", b"expect:x"]
)
def test_a_body_that_is_large_or_is_asked_for_is_read_as_it_arrives(headers: bytes) -> None:
    buffer = RequestBuffer()
    head = b"POST / HTTP/1.1\r\n" + headers + b"\r\n\r\n"
    buffer.add(head + b"he")
    assert buffer.progress is Progress.STREAMED
    assert read(buffer) == head + b"he"


def test_many_chunks_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_buffer, "WEB_BUFFERED_BODY_BYTES", 1_000)
    buffer = RequestBuffer()
    buffer.add(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 200)
    assert buffer.progress is Progress.STREAMED
    monkeypatch.setattr(request_buffer, "_CHUNKS", 50)
    buffer = RequestBuffer()
    buffer.add(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n" * 60)
    assert buffer.progress is Progress.WHOLE


def test_a_head_that_dribbles_costs_no_more_than_its_bytes() -> None:
    """Twice as many bytes, about twice the time; four times would be quadratic."""

    def cost(size: int) -> float:
        buffer, started = RequestBuffer(), time.process_time()
        buffer.add(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(size):
            buffer.add(b"a")
        return time.process_time() - started

    assert min(cost(60_000) for _ in range(3)) < 3.2 * min(cost(30_000) for _ in range(3))
