"""The bytes of the messages that nearly all of OTLP is made of, read without making the messages."""

from __future__ import annotations

import msgspec

from logs.ingest.record import label_of

_VARINT_BYTES = 9  # of a number below 2^63; negative ones have ten
_SHORT = 128  # bytes of an attribute: its lengths have one byte each


def simple_attribute(raw: bytes, labels: dict[bytes, bytes]) -> tuple[bytes, bytes] | None:
    """Read a KeyValue of a short name and a short text or a number by its bytes, as nearly all are; None for any other.

    0x0A, length, name, 0x12, length of the value, then 0x0A, length, text or 0x18, number.
    """
    size = len(raw)
    if size < 6 or raw[0] != 0x0A or raw[1] > 0x7F:
        return None
    at = raw[1] + 2
    if at + 3 >= size or raw[at] != 0x12 or raw[at + 1] != size - at - 2 or size > _SHORT:
        return None
    if raw[at + 2] == 0x0A:
        if raw[at + 3] != size - at - 4:
            return None
        value = msgspec.json.encode(str(raw[at + 4 :], "utf-8", "replace"))
    elif raw[at + 2] == 0x18 and (number := _varint(raw[at + 3 :])) is not None:
        value = b"%d" % number
    else:
        return None
    name = raw[1:at]
    label = labels.get(name)
    if label is None:
        label = labels[name] = label_of(str(name[1:], "utf-8", "replace"))
    return label, value


def text_start(raw: bytes) -> int | None:
    """Return where the text of an AnyValue begins that is nothing but a text of less than 16 KiB; else None."""
    size = len(raw)
    if raw[0] != 0x0A or size < 2:
        return None
    if raw[1] < 0x80:
        return 2 if size == raw[1] + 2 else None
    return 3 if size > 2 and raw[2] < 0x80 and size == (raw[1] & 0x7F | raw[2] << 7) + 3 else None


def _varint(raw: bytes) -> int | None:
    """Read a number that is not below zero and ends where the bytes do; None for any other."""
    if raw[0] < 0x80:
        return raw[0] if len(raw) == 1 else None
    if len(raw) > _VARINT_BYTES or raw[-1] > 0x7F:
        return None
    number = raw[-1]
    for byte in raw[-2::-1]:
        if byte < 0x80:
            return None
        number = number << 7 | byte & 0x7F
    return number
