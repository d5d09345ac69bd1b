"""JSON as others write it: with NaN, bytes that are not UTF-8, bare control characters, numbers that no one can hold.

The decoder of the fast way is tried first. What it refuses is read by Python's own, which is told to be patient, and
written anew; so one odd value costs neither its entry nor the other entries of the request.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from logs.ingest.copy_format import replace_unstorable
from logs.ingest.meta import MAX_DIGITS

T = TypeVar("T")
Fields = dict[str, Raw]
_fields = msgspec.json.Decoder(Fields)


def decode(text: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    """Decode JSON text, repaired if need be; None when it is not JSON, or of another shape than the decoder's."""
    text = replace_unstorable(in_utf8(text))
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        pass
    repaired = repair(text)
    try:
        return decoder.decode(repaired) if repaired is not None else None
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def in_utf8(text: bytes) -> bytes:
    """Return text with U+FFFD for bytes that are not UTF-8; a decoder does not look at what it leaves undecoded."""
    if text.isascii():
        return text
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace").encode()
    return text


def decode_fields(text: bytes) -> Fields | None:
    """Decode a JSON object into the JSON texts of its members; None for anything else."""
    return decode(text, _fields)


def repair(text: bytes) -> bytes | None:
    """Write JSON anew so that any decoder reads it; None when it is none."""
    try:
        value = _patient.decode(text.decode("utf-8-sig", "replace"))
        return replace_unstorable(json.dumps(value).encode())
    except (ValueError, RecursionError):
        return None


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= MAX_DIGITS else text


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


_patient: Any = json.JSONDecoder(strict=False, parse_constant=str, parse_int=_whole, parse_float=_number)
