"""The `meta` of an entry: JSON text that goes into the database as it came, once it is known to fit.

It is not decoded and written anew, so numbers keep every digit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

import msgspec
from django.conf import settings
from msgspec import Raw

MAX_DIGITS = 400  # of a number; a 64-bit float has no more than 309 before the point

_object = msgspec.json.Decoder(dict[str, Raw])
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_FRACTION_OR_POWER = re.compile(rb"(?<![0-9.])[0-9]++(?:\.[0-9eE+-]++|[eE][0-9+-]++)")
_TOO_SMALL = re.compile(rb"[eE]-0*+(?:[0-9]{4}|[5-9][0-9]{2}|4(?!00)[0-9]{2})")  # below 1e-400: MAX_DIGITS
_LENGTHS = bytes.maketrans(b".123456789eE+-", b"0" * 14)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # one deeper, one less deep, as signed bytes
_SHAPES = bytes.maketrans(b".123456789E+", b"0000000000e-")  # of numbers: 12.5E+7 is 0000e-0
# Without one of these a number is below 1e308 and above 1e-309: 209 digits and an exponent of two.
_SHAPES_TO_LOOK_AT = (b"0" * 210, b"0e000", b"0e-000")
_SHORTEST_MEMBER = len(b'"":0,')
_LARGE = 64 * 1024  # bytes; looking at such a meta twice would cost more than the other way through the batch


def problem_of(meta: Raw | bytes) -> str | None:
    """Return what keeps JSON text of an object from being stored and read back, None if nothing does.

    Nothing may be nested deeper than INGEST_MAX_DEPTH, there may be INGEST_MAX_FIELDS fields at all depths together,
    and numbers must be such as a reader of JSON can hold. The text alone is looked at: its values could take a hundred
    times as much memory.
    """
    text = bytes(meta)
    if _openings(text) > settings.INGEST_MAX_DEPTH and is_deeper(text, settings.INGEST_MAX_DEPTH):
        return f"is nested deeper than {settings.INGEST_MAX_DEPTH}"
    if has_more_fields(text, settings.INGEST_MAX_FIELDS):
        return f"has more than {settings.INGEST_MAX_FIELDS} fields"
    return _problem_of_numbers(text) if _may_have_wrong_numbers(text) else None


def are_storable(metas: Sequence[Raw | bytes]) -> bool:
    """Return whether `problem_of` finds nothing in any of a batch's metas, mostly by one look at all of them together.

    False where one is so large that it is to be looked at by itself.
    """
    if any(len(meta) > _LARGE for meta in metas):
        return False
    together = b",".join(metas)
    is_flat = _openings(together) - len(metas) < settings.INGEST_MAX_DEPTH
    if not is_flat or _may_have_wrong_numbers(together):
        return all(problem_of(meta) is None for meta in metas)
    limit = settings.INGEST_MAX_FIELDS
    return not any(has_more_fields(bytes(meta), limit) for meta in metas if len(meta) > limit * _SHORTEST_MEMBER)


def is_deeper(text: bytes, depth: int) -> bool:
    """Return whether valid JSON text is nested deeper than `depth`: a scalar has 0, an object or array of scalars 1."""
    steps = memoryview(_without_strings(text).translate(_STEPS, _NOT_BRACKETS)).cast("b")
    return max(accumulate(steps), default=0) > depth


def has_more_fields(text: bytes, fields: int) -> bool:
    """Return whether the objects in valid JSON text, at all depths, have more than `fields` members together."""
    return text.count(b":") > fields and _without_strings(text).count(b":") > fields


def _without_strings(text: bytes) -> bytes:
    return _STRING.sub(b"", text)


def _may_have_wrong_numbers(text: bytes) -> bool:
    """A cheap look, which takes text in strings for numbers."""
    shapes = text.translate(_SHAPES)
    return any(shape in shapes for shape in _SHAPES_TO_LOOK_AT)


def _openings(text: bytes) -> int:
    return text.count(b"{") + text.count(b"[")


def _problem_of_numbers(text: bytes) -> str | None:
    bare = _without_strings(text)
    if b"0" * (MAX_DIGITS + 1) in bare.translate(_LENGTHS) or _TOO_SMALL.search(bare):
        return f"has a number of more than {MAX_DIGITS} digits"
    if math.inf in map(float, _FRACTION_OR_POWER.findall(bare)):
        return "has a number that a 64-bit float cannot hold"
    return None


def with_fields(meta: bytes | None, fields: dict[str, Raw]) -> bytes:
    """Return the JSON text of `meta` (an object, or None) with `fields` added.

    A field whose name `meta` has already is added under that name with a `_` before it, so that neither is lost.
    """
    own = _object.decode(meta) if meta else {}
    members = [_member(name, value) for name, value in own.items()]
    names = _Names(own)
    members += [_member(names.take(name), value) for name, value in fields.items()]
    return b"{" + b",".join(members) + b"}"


class _Names:
    """Names that are taken. Looking for a free one is short however many are: each remembers how far the last got."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._next: dict[str, str | None] = dict.fromkeys(taken)

    def take(self, name: str) -> str:
        """Take `name`, or the first free one of `_name`, `__name`, …; returns it."""
        if name in self._next:
            name = self._free(name)
        self._next[name] = None
        return name

    def _free(self, name: str) -> str:
        passed = []
        while name in self._next:
            passed.append(name)
            name = self._next[name] or f"_{name}"
        self._next.update(dict.fromkeys(passed, name))
        return name


def _member(name: str, value: Raw) -> bytes:
    return msgspec.json.encode(name) + b":" + bytes(value)
