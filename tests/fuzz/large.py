"""The largest requests that a route takes, of many shapes: what they cost is to stay within a budget.

A shape is what text the input is made of and how it is laid out; hypothesis draws both. `share` scales a request and
its budget alike, so that the suite is quick.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote_plus

from django.conf import settings
from hypothesis import strategies as st

from deployments.api import FORM_MAX_BYTES, WEBHOOK_MAX_BYTES
from tests.fuzz.forms import PARAMETERS, Shape
from tests.fuzz.machines import Seed, signed

FORM = "application/x-www-form-urlencoded"
URL_BYTES = 120 * 1024  # of the 128 KiB that the first line of a request may have
FIELDS = 990  # of the 1,000 that Django reads of a form
PIECES = (
    "a", "a.", "a-", "1", "1.", "a:", "a:b ", "a ", "(", ")", "(a ", "-(", "NOT ", " OR ", '"', '"a" ', "*", "a*", "?", "\\", "%", "_", ",",
    "a,b,", ":", "/", "../", "@", "a@b.", "<", "&", "'", "\n", "a\n", "\r", "\t", "\0", "\x1b", "e\u0301", "a\u0301\u0323", "\u0130", "\ufb03",
    "\ufdfa", "\u202e", "\U0001f600", "\u00b2", "\u0663", "\ud800", "[", "{", '{"a":', "[]", '{"a":1},', "=", ";", "#", "+", "T00:00:60", "-1d", "10.0.0.0/8,",
    "10.0.0.1\n", "now-", "level:error ", "x:>1 ", "a.b.c.d.e.f:1 ", "service:x ", "https://", "javascript:", ".*", "(a+)+", "[a-z]{1,99}",
)  # fmt: skip
_LITERAL = re.compile(rb'"[^"\\]{0,200}"|-?\d+(?:\.\d+)?|true|false|null')
WAYS = ("one", "each", "repeated", "names", "pieces")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, ready for Django's client; it can be printed and sent again."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """`text` is repeated; `way` says where to; `at` chooses a field where one is to be chosen."""

    text: str
    way: str
    at: int

    def text_of(self, size: int) -> str:
        """Return about `size` bytes of it, as they are written in a form."""
        return self.text * max(1, size // len(encoded(self.text)))

    @classmethod
    def drawn(cls, random: Random) -> Load:
        """Draw one, as `loads` does."""
        text = "".join(random.choices(PIECES, k=random.choice((1, 1, 2, 4))))
        return cls(text, random.choice(WAYS), random.randrange(200))


loads = st.builds(
    Load,
    text=st.one_of(st.sampled_from(PIECES), st.lists(st.sampled_from(PIECES), min_size=2, max_size=4).map("".join)),
    way=st.sampled_from(WAYS),
    at=st.integers(0, 200),
)


def encoded(text: str) -> str:
    """Write text as forms and addresses do."""
    return quote_plus(text.encode("utf-8", "surrogatepass"))


def page_request(shape: Shape, load: Load, share: float = 1.0) -> Request:
    """Make the largest request of a form or a link of a page."""
    if shape.method == "POST":
        body = _fields(shape.fields, load, int(settings.PAGE_MAX_BYTES * share) - 500)
        return Request("POST", shape.path, body.encode(), FORM)
    known = [*shape.fields, *((name, "") for name in PARAMETERS if name not in dict(shape.fields))]
    return Request("GET", f"{shape.path}?{_fields(known, load, int(URL_BYTES * share))}")


def _fields(good: Sequence[tuple[str, str]], load: Load, size: int) -> str:
    """Return an encoded form of about `size` bytes."""
    names = [name for name, _ in good] or ["q"]
    chosen = names[load.at % len(names)]
    match load.way:
        case "one":
            made = [(name, load.text_of(size) if name == chosen else value) for name, value in dict(good).items()]
        case "each":
            made = [(name, load.text_of(size // len(names))) for name in names]
        case "repeated":
            made = [*good, *[(chosen, load.text_of(size // FIELDS - len(chosen)))] * (FIELDS - len(good))]
        case "names":
            made = [
                *good,
                *((load.text_of(size // FIELDS)[:-4] + str(number), "") for number in range(FIELDS - len(good))),
            ]
        case _:
            made = [(name, load.text) for name in names for _ in range(FIELDS // len(names))]
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in made)[:size]


def machine_request(seed: Seed, load: Load, share: float = 1.0) -> Request:
    """Make the largest request to a route of machines: its good one with a part that is repeated, or something else."""
    size = int(_most_bytes(seed) * share)
    body = _body(seed.body or b"{}", load, size)[:size]
    return Request(seed.method, seed.path, body, seed.content_type, signed(seed, body))


def _most_bytes(seed: Seed) -> int:
    path = seed.path.split("?")[0]
    if path == "/api/v1/logs/ingest":
        return settings.INGEST_MAX_BYTES
    if path == "/api/v1/github/webhook":
        is_known = "integration=" in seed.path
        return (FORM_MAX_BYTES if seed.content_type == FORM else WEBHOOK_MAX_BYTES) if is_known else 1024 * 1024
    return 256 * 1024 if path.startswith(("/api/v1/", "/api/internal/")) else settings.INGEST_FOREIGN_MAX_BYTES


def _body(good: bytes, load: Load, size: int) -> bytes:
    text = load.text.encode("utf-8", "surrogatepass")
    literals = [*_LITERAL.finditer(good)]
    match load.way:
        case "one" if literals:  # one long value
            begin, end = literals[load.at % len(literals)].span()
            return good[:begin] + b'"' + _quoted(text, size - len(good)) + b'"' + good[end:]
        case "each":  # the whole of it again and again, as many entries
            inner = good[1:-1] if good[:1] == b"[" else good
            piece = inner + (b"\n" if b"\n" in good else b",")
            return good[:1] * (good[:1] == b"[") + piece * (size // len(piece)) + inner + good[-1:] * (good[:1] == b"[")
        case "repeated":  # a part of it
            begin = load.at * 7 % max(len(good), 1)
            piece = good[begin : begin + 1 + load.at % 60]
            return good[:begin] + piece * ((size - len(good)) // len(piece)) + good[begin:]
        case "names" if literals:  # an object of many members in the place of a value
            begin, end = literals[load.at % len(literals)].span()
            name = _quoted(text, 1)
            many = (size - len(good)) // (len(name) + 14)
            return (
                good[:begin] + b"{" + b",".join(b'"%b%d":1' % (name, each) for each in range(many)) + b"}" + good[end:]
            )
        case "pieces":  # brackets in the place of all that follows
            begin = literals[load.at % len(literals)].start() if literals else 0
            return good[:begin] + (b"[" if load.at % 2 else b'{"a":') * ((size - begin) // (1 if load.at % 2 else 5))
        case _:
            return text * (size // len(text))


def _quoted(text: bytes, size: int) -> bytes:
    quoted = json.dumps(text.decode("utf-8", "replace"))[1:-1].encode()
    return quoted * max(1, size // len(quoted))
