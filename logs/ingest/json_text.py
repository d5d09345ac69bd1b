"""JSON as others write it: with NaN, bytes that are not UTF-8, bare control characters, numbers that no one can hold.

The decoder of the fast way is tried first. What it refuses is read by Python's own, which is told to be patient, and
written anew; so one odd value costs neither its entry nor the other entries of the request.
"""

from __future__ import annotations

import json
import math
from itertools import islice
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from msgspec import Raw

from logs.ingest.copy_format import replace_unstorable
from logs.ingest.meta import MAX_DIGITS

_TOO_MANY, _FIRST = 2, 100  # times INGEST_MAX_FIELDS; members that are kept, among which are time and message
_NOT_READ = 200_000  # commas
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
    """Decode a JSON object into the JSON texts of its members; None for anything else.

    Of one with far more members than a log may have the first are given, and in the place of the others the whole text.
    Of one that has hundreds of thousands, or seems to, none is: it is a text, which is cut.
    """
    if text.count(b",") > _NOT_READ and text.strip()[:1] == b"{":
        return {}
    fields = decode(text, _fields)
    if fields is not None and len(fields) > _TOO_MANY * settings.INGEST_MAX_FIELDS:
        whole = replace_unstorable(in_utf8(text)).decode()
        return {**dict(islice(fields.items(), _FIRST)), "fields": Raw(msgspec.json.encode(whole))}
    return fields


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
