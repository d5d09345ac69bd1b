"""A sender's timestamp: RFC 3339 with any offset, or an epoch number whose unit shows in its size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]

_UNITS = (  # below this size a number is in this unit: so many microseconds each, or so many a microsecond
    (1e11, 1_000_000, 1),  # seconds, until the year 5138
    (1e14, 1_000, 1),  # milliseconds
    (1e17, 1, 1),  # microseconds
    (1e20, 1, 1_000),  # nanoseconds
)
_MAX_LENGTH = 64  # characters of a time as text; looked at before anything else is
_LEAP_SECOND = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:)60(.*)")
_NAIVE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?\Z")
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # microseconds: the years 1 to 9999


def from_epoch(number: float) -> datetime:
    """Read an epoch number as seconds, milliseconds, microseconds or nanoseconds by its size; whole or not.

    Raises ValueError with the end of a sentence for the sender.
    """
    for below, microseconds_each, units_each in _UNITS:
        if abs(number) < below:
            try:
                return EPOCH + timedelta(microseconds=round(number * microseconds_each / units_each))
            except OverflowError:
                break
    raise ValueError("is not a time that an epoch number can mean")


def utc_texts(moments: Sequence[datetime]) -> list[str]:
    """Write one or more aware times as RFC 3339 in UTC; msgspec does it in a tenth of the time of `isoformat`."""
    if {each.tzinfo for each in moments} != {UTC}:
        moments = [each.astimezone(UTC) for each in moments]
    return msgspec.json.encode(moments)[2:-2].decode().split('","')


class _Seconds(dict[str, str]):
    """By the digits of seconds since 1970 what RFC 3339 has before the fraction and the point, each written once."""

    def __missing__(self, second: str) -> str:
        text = self[second] = _text_of_micros(int(second) * 1_000_000)[:-7]
        return text


def texts_of_micros(times: Sequence[int]) -> list[str]:
    """Write microseconds since 1970 as RFC 3339 in UTC."""
    if times and min(times) < 1_000_000:
        return [*map(_text_of_micros, times)]
    seconds = _Seconds()
    return [f"{seconds[digits[:-6]]}{digits[-6:]}Z" for digits in map(str, times)]


def texts_of_nanoseconds(times: Sequence[str]) -> list[str]:
    """Write nanoseconds, given by their 19 digits, as `texts_of_micros` writes microseconds."""
    seconds = _Seconds()
    return [f"{seconds[digits[:10]]}{digits[10:16]}Z" for digits in times]


def _text_of_micros(time: int) -> str:
    return f"{EPOCH + timedelta(microseconds=time):%Y-%m-%dT%H:%M:%S.%f}Z".rjust(27, "0")


def parse_text(text: str) -> datetime:
    """Read RFC 3339; a leap second is the first moment of the next minute.

    Raises ValueError with the end of a sentence for the sender.
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"has more than {_MAX_LENGTH} characters")
    leap = _LEAP_SECOND.fullmatch(text)
    try:
        if leap:
            return _rfc3339(f"{leap[1]}59{leap[2]}") + timedelta(seconds=1)
        return _rfc3339(text)
    except (msgspec.ValidationError, OverflowError):
        pass
    if _NAIVE.match(text):
        raise ValueError("has no offset: end it with Z or, say, +02:00")
    raise ValueError("must be RFC 3339, like 2025-01-31T12:00:00.000Z, or an epoch number")


def _rfc3339(text: str) -> datetime:
    moment: datetime = msgspec.convert(text, AwareDatetime)
    return moment


def micros_of_number(number: float) -> int | None:
    """Read an epoch number by its size, as microseconds since 1970, whole ones rounded down; None for no time."""
    for below, microseconds_each, units_each in _UNITS:
        if abs(number) < below:
            exact = number * microseconds_each
            micros = exact // units_each if isinstance(number, int) else round(exact / units_each)
            return int(micros) if _FIRST <= micros <= _LAST else None
    return None


def micros_of_text(text: str) -> int | None:
    """Read a time as machines write it, as microseconds since 1970; without an offset it is in UTC. None if it is none.

    RFC 3339, also with a space for the T or a comma before the fraction (Python's logging), or an epoch number as text.
    """
    text = text.strip()[:_MAX_LENGTH].replace(",", ".")
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        try:
            return micros_of_number(int(text) if text.isdigit() else float(text))
        except ValueError:
            return None
    try:
        return (moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        return None
