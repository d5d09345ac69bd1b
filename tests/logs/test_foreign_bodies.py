"""Bodies of protocols that are not ours: unpacked by what they are, and never beyond the limit."""

from __future__ import annotations

import gzip
import os
import sys
import time
import tracemalloc
import zlib

import cramjam
import pytest

from logs.ingest.foreign_body import unpacked
from logs.ingest.large_bodies import LARGE, LargeBodies
from pulseops.core.web.json_errors import ApiError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# As logs begin: by chance, random bytes begin as a block of snappy of four gigabytes.
CONTENT = b'{"message":"' + os.urandom(500) * 200 + b"the end"


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "deflate": raw_deflate,
    "zstd": zstd.compress,
    "snappy": lambda content: bytes(cramjam.snappy.compress_raw(content)),
    "x-snappy-framed": lambda content: bytes(cramjam.snappy.compress(content)),
    "lz4": lambda content: bytes(cramjam.lz4.compress(content)),
}


@pytest.mark.parametrize("name", PACKERS)
def test_each_encoding(name: str) -> None:
    packed = PACKERS[name](CONTENT)
    assert unpacked(packed, name) == CONTENT
    assert unpacked(packed, f" {name.upper()} ,") == CONTENT


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (zlib.compress(CONTENT), "gzip,deflate"),  # graypy
        (zlib.compress(CONTENT), "deflate"),  # nearly all
        (bytes(cramjam.snappy.compress(CONTENT)), "snappy"),  # older Collectors
        (CONTENT, "gzip"),  # a proxy has unpacked it
        (CONTENT, "snappy"),
        (CONTENT, "identity"),
        (CONTENT, ""),
        (gzip.compress(CONTENT[:99]) + gzip.compress(CONTENT[99:]) + b"\0\0", "x-gzip"),
        (zstd.compress(CONTENT[:99]) + zstd.compress(CONTENT[99:]), "zstd"),
        (gzip.compress(gzip.compress(CONTENT)), "gzip, gzip"),
        (b"", "gzip"),
    ],
    ids=range(11),
)
def test_headers_that_do_not_say_what_it_is(body: bytes, header: str) -> None:
    assert unpacked(body, header) == (CONTENT if body else b"")


@pytest.mark.parametrize("name", ["gzip", "zlib", "zstd", "x-snappy-framed", "lz4"])
def test_a_body_that_ends_too_early(name: str) -> None:
    packed = PACKERS[name](CONTENT)
    for cut in (len(packed) // 2, len(packed) - 1):
        with pytest.raises(ApiError, match="BAD_REQUEST"):
            unpacked(packed[:cut], name)


@pytest.mark.parametrize("header", ["br", "nonsense"])
def test_an_unknown_encoding(header: str) -> None:
    with pytest.raises(ApiError, match="UNSUPPORTED_MEDIA_TYPE"):
        unpacked(b"x", header)


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_of_fifty_megabytes_stops_within_thirty(name: str) -> None:
    bomb = PACKERS[name](b" " * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ApiError, match="PAYLOAD_TOO_LARGE"):
            unpacked(bomb, name)
        assert tracemalloc.get_traced_memory()[1] < 30 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (gzip.compress(b"") * 100_000 + b"x" * 10_000_000, "gzip"),
        (zstd.compress(b"") * 300_000, "zstd"),
        (b"\xff\x06\x00\x00sNaPpY" + b"\xfe\0\0\0" * 1_000_000, "snappy"),
        (b"\xff\xff\xff\xff\x0f" + b"x" * 100, "snappy"),
        (b"\x28\xb5\x2f\xfd\x00\x98" + b"x" * 100, "zstd"),  # a window of 512 GiB
    ],
    ids=["members", "frames", "chunks", "length", "window"],
)
def test_bodies_that_would_take_long_are_refused_at_once(body: bytes, name: str) -> None:
    began = time.process_time()
    with pytest.raises(ApiError):
        unpacked(body, name)
    assert time.process_time() - began < 1


def test_few_large_bodies_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.ingest.large_bodies.RETRY_AFTER", 0)
    places, other = LargeBodies(1), LargeBodies(1)
    places.claim(LARGE)
    places.claim(LARGE + 1)
    places.claim(LARGE + 2)  # the same request
    places._mine, other._mine = other._mine, places._mine  # as another thread sees it
    with pytest.raises(ApiError, match="UNAVAILABLE"):
        places.claim(LARGE + 1)
    places._mine = other._mine
    places.release()
    places.claim(LARGE + 1)
