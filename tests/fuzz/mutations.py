"""What careless and hostile clients make of a good request: values, bytes, fields, all drawn from one seeded source."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from random import Random

Field = tuple[str, str]
HOSTILE = (
    "", " ", "0", "-1", "1", "²", "١", "1²", "٣٤", "+1", " 1 ", "1_000", "0x10", "1e5", "1e999", "-0.0", "NaN", "Infinity",
    "-Infinity", str(2**31), str(2**63), str(-(2**63) - 1), "9" * 40, "9" * 5_000, "1" + "0" * 400 + ".5", "null", "true",
    "\0", "a\0b", "\x1b[31m", "\r\nX: y", "\ud800", "a\udfff", "\u202e", "\ufeff", "é" * 300, "😀", "İ", "ß" * 200, "ﷺ" * 100,
    "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-13-45T99:99:99Z", "0000-00-00", "2026-06-31T23:59:60Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-9999999999999d", "-1000000000000000h", "-²h", "now-", "-0m",
    "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-00000000000}", "urn:uuid:1", "g" * 32, "-" * 36,
    "1-1", "-1-1", "1-1-1", "99999999999999999999-1", "1.5,2", "0,0", "a,b", ",", "_", "..", "../" * 20, "%00", "%", "%zz", "//",
    "\\", "'", '"', "';--", "(", "(" * 500, ")" * 50, "level:", "level:(", "-", "- -", "NOT", "a OR", "took_ms:>", "took_ms:>1e400",
    "took_ms:>²", "a:*:b", "*", "?" * 200, '"' * 99, "a" * 70_000, "%" * 3_000, "_" * 3_000, " a" * 2_000, "a:b " * 800,
    "[]", "{}", "[" * 3_000, '{"a":' * 2_000, "[null]", '{"a":1}', '"x"', "javascript:alert(1)", "http://[", "http://[::1",
    "https://a:99999/", "https://" + "a." * 200, "//[/", "a@b", "@", "a@" + "b" * 300 + ".com", "a@xn--.com", "x@\u0130.com",
    "Europe/Nowhere", "../../etc/passwd", "=cmd", "10.0.0.0/99", "::/129", "1.2.3.4/²", "csv", "ndjson", "all", "on",
)  # fmt: skip
ENCODINGS = (
    "utf-8", "utf-16", "utf-7", "idna", "rot13", "hex", "undefined", "no-such", "unicode_escape", "base64", "punycode", "\xff",
)  # fmt: skip
CONTENT_TYPES = (
    "application/json", "application/x-ndjson", "application/x-protobuf", "application/x-www-form-urlencoded", "text/plain",
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b", "application/logplex-1", "", ";",
    "application/json; charset=", "a" * 2_000, "application/x-www-form-urlencoded; charset=undefined",
)  # fmt: skip
_PART_HEADERS = (
    "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "Content-Length: -1\r\n",
    "Content-Type: text/plain; charset=undefined\r\n", "Content-Type: multipart/mixed; boundary=c\r\n", "a" * 20_000 + ": b\r\n",
    "X: y\r\n" * 500, "Content-Disposition: form-data\r\n", ":\r\n", "\0\r\n",
)  # fmt: skip
_LITERAL = re.compile(rb'"[^"\\]{0,200}"|-?\d+(?:\.\d+)?|true|false|null')
_PIECES = (
    b"\0", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b'"\\ud800"', b'"\\u0000"', b"\\", b'"', b"{", b"}", b"[", b"]", b",", b":",
    b"\n", b"\r\n", b"\n\n", b"null", b"[]", b"{}", b"1e999", b"-1", b"1" * 400, b"9" * 30, b"NaN", b"[" * 400, b"\xb2",
    b"%", b"&&", b"=", b"&a=b", b"--b--", b'"\\u00b2"', b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", b"\x08\xff\xff\xff\xff\x0f",
)  # fmt: skip
_PLAINEST = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'""',
    b"[null]",
    b"[[]]",
    b"[{}]",
    b"\n",
    b"\0",
    b"\xff",
    b"{",
    b"true",
    b"-",
)


def value(random: Random, good: str = "") -> str:
    """Return a hostile value, or a good one with something hostile in it."""
    chosen = random.choice(HOSTILE)
    if good and random.random() < 0.25:
        place = random.randrange(len(good) + 1)
        return good[:place] + chosen[:2_000] + good[place + random.randrange(2) :]
    return chosen


def fields(random: Random, good: list[Field], names: tuple[str, ...]) -> list[Field]:
    """Return fields of a form or a query of which some are changed, missing, repeated or new."""
    made = list(good)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(made)) if made else -1
        way = random.random()
        if at < 0 or way < 0.15:
            made.append((random.choice(names) if way < 0.14 else value(random), value(random)))
        elif way < 0.8:
            made[at] = (made[at][0], value(random, made[at][1]))
        elif way < 0.9:
            made.insert(random.randrange(len(made) + 1), (made[at][0], value(random)))
        else:
            del made[at]
    return made


def body(random: Random, good: bytes) -> bytes:
    """Return a body with a few things done to it, rarely none."""
    made = good
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 5))):
        made = random.choice(_WAYS)(random, made)
    return made[:200_000]


def _flip(random: Random, good: bytes) -> bytes:
    made = bytearray(good)
    for _ in range(random.choice((1, 1, 2, 8)) if made else 0):
        made[random.randrange(len(made))] ^= 1 << random.randrange(8)
    return bytes(made)


def _cut(random: Random, good: bytes) -> bytes:
    return good[: random.randrange(len(good) + 1)]


def _insert(random: Random, good: bytes) -> bytes:
    place = random.randrange(len(good) + 1)
    return good[:place] + random.choice(_PIECES) + good[place + random.choice((0, 0, 1, 4)) :]


def _replace_literal(random: Random, good: bytes) -> bytes:
    """Give one value of JSON, or one name, another type or a hostile content."""
    found = list(_LITERAL.finditer(good))
    if not found:
        return _insert(random, good)
    where = random.choice(found)
    content = value(random).encode("utf-8", "surrogatepass")
    quoted = b'"' + content.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\0", b"\\u0000") + b'"'
    new = random.choice((content, quoted, quoted, *_PLAINEST, b'{"a":{"b":[1,"\\ud800"]}}'))
    return good[: where.start()] + new + good[where.end() :]


def _repeat(random: Random, good: bytes) -> bytes:
    begin = random.randrange(len(good) + 1)
    piece = good[begin : begin + random.choice((1, 8, 100, 10_000))]
    return good[:begin] + piece * random.choice((2, 3, 50, 1_000)) + good[begin:]


def _plainest(random: Random, good: bytes) -> bytes:
    return random.choice(_PLAINEST)


_WAYS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip, _cut, _insert, _insert, _replace_literal, _replace_literal, _replace_literal, _replace_literal, _repeat, _plainest,
)  # fmt: skip


def multipart(random: Random, made: list[Field]) -> tuple[bytes, str]:
    """Return fields as a form of parts, some of them odd, and its content type."""
    mark = random.choice(("b", "b" * 70, "b" * 200, "a b", "----WebKitFormBoundary", "\xe9"))
    lines = []
    for name, content in made:
        extra = random.choice(("", "", "", "", *_PART_HEADERS))
        kind = random.choice(("", "", "", '; filename="a.txt"', "; filename*=utf-8''%ff", '; filename="../a"'))
        lines.append(f'--{mark}\r\nContent-Disposition: form-data; name="{name}"{kind}\r\n{extra}\r\n{content}\r\n')
    lines.append(random.choice((f"--{mark}--\r\n", f"--{mark}", f"--{mark}--" * 3, "", f"--{mark}\r\n\r\n")))
    body = "".join(lines).encode("utf-8", "surrogatepass")
    body = _cut(random, body) if random.random() < 0.1 else body
    return body[:900_000], f"multipart/form-data; boundary={mark}"


def compressed(random: Random, good: bytes) -> bytes:
    """Return a gzip of a body, broken now and then."""
    whole = gzip.compress(good, 1)
    return random.choice((whole, whole, _cut(random, whole), _flip(random, whole), whole + whole, whole + b"x"))
