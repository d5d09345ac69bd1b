"""The `meta` of an entry: JSON text that goes into the database as it came, once it is known to fit.

It is not decoded and written anew, so numbers keep every digit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from django.conf import settings
from msgspec import Raw

MAX_DIGITS = 400  # of a number; a 64-bit float has no more than 309 before the point

_anything = msgspec.json.Decoder()
_object = msgspec.json.Decoder(dict[str, Raw])
_LONG_NUMBER = re.compile(rb"[0-9.]{%d}" % (MAX_DIGITS + 1))
_SMALL_NUMBER = re.compile(rb"[eE]-0*[0-9]{3}")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{}\]]|-?[0-9][0-9.eE+-]*')


def problem_of(meta: Raw | bytes) -> str | None:
    """Return what keeps JSON text of an object from being stored and read back, None if nothing does.

    Nothing may be nested deeper than INGEST_MAX_DEPTH, and numbers must be such as a reader of JSON can hold.
    """
    text = bytes(meta)
    if _openings(text) > settings.INGEST_MAX_DEPTH and depth_of(text) > settings.INGEST_MAX_DEPTH:
        return f"is nested deeper than {settings.INGEST_MAX_DEPTH}"
    try:
        _anything.decode(text)
    except (msgspec.DecodeError, ValueError):
        return "has a number that a 64-bit float cannot hold"
    if _may_have_too_many_digits(text):
        return _problem_of_numbers(text)
    return None


def are_storable(metas: Sequence[Raw]) -> bool:
    """Tell whether `problem_of` finds nothing in any of a batch's metas, mostly by one look at all of them together."""
    together = b",".join(metas)
    is_flat = _openings(together) - len(metas) < settings.INGEST_MAX_DEPTH
    if not is_flat or _may_have_small_numbers(together):
        return all(problem_of(meta) is None for meta in metas)
    try:
        _anything.decode(b"[" + together + b"]")
    except (msgspec.DecodeError, ValueError):
        return False
    return all(problem_of(meta) is None for meta in metas if len(meta) > MAX_DIGITS)


def depth_of(text: bytes) -> int:
    """Return how deep valid JSON text is nested: 0 for a scalar, 1 for an object or array of scalars."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        match token[0][:1]:
            case b"{" | b"[":
                depth += 1
                deepest = max(deepest, depth)
            case b"}" | b"]":
                depth -= 1
    return deepest


def _may_have_too_many_digits(text: bytes) -> bool:
    """A cheap look that is wrong about long digits inside of strings only."""
    if len(text) > MAX_DIGITS and _LONG_NUMBER.search(text):
        return True
    return _may_have_small_numbers(text) and _SMALL_NUMBER.search(text) is not None


def _may_have_small_numbers(text: bytes) -> bool:
    """Whether there may be numbers such as 1e-500: a cheap look."""
    return b"e-" in text or b"E-" in text


def _openings(text: bytes) -> int:
    return text.count(b"{") + text.count(b"[")


def _problem_of_numbers(text: bytes) -> str | None:
    for token in _TOKEN.finditer(text):
        number = token[0]
        if number[:1] not in b'"{}[]' and (len(number) > MAX_DIGITS or _exponent(number) < -MAX_DIGITS):
            return f"has a number of more than {MAX_DIGITS} digits"
    return None


def _exponent(number: bytes) -> int:
    _, marker, exponent = number.lower().partition(b"e")
    return int(exponent) if marker else 0


def with_fields(meta: bytes | None, fields: dict[str, Raw]) -> bytes:
    """Return the JSON text of `meta` (an object, or None) with `fields` added.

    A field whose name `meta` has already is added under that name with a `_` before it, so that neither is lost.
    """
    own = _object.decode(meta) if meta else {}
    members = [_member(name, value) for name, value in own.items()]
    taken = set(own)
    for name, value in fields.items():
        while name in taken:
            name = f"_{name}"
        taken.add(name)
        members.append(_member(name, value))
    return b"{" + b",".join(members) + b"}"


def _member(name: str, value: Raw) -> bytes:
    return msgspec.json.encode(name) + b":" + bytes(value)
