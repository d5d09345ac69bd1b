"""The way of nearly all OTLP in JSON: records as exporters write them, read column by column instead of one by one.

What attributes become is made by replacing bytes in the text of some hundred records at a time:
`{"key":"a","value":{"stringValue":"x"}},{"key":"b","value":{"intValue":"7"}}` becomes `,"a":"x","b":7`. Where
anything is unusual, None says so, and these records are read one by one, which gives the same.

Why replacing is safe: the text is valid JSON, and each pattern has a quote that would end a string if the pattern began
within one, with something behind it that cannot stand there. So what is replaced is never a part of a string. Whether
there was nothing else is counted: of names and values there are equally many, and the strings that are left are those
names and the values that are texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any, cast

import msgspec
from django.conf import settings
from msgspec import Raw
from msgspec.structs import astuple

from logs.ingest.columns import AcceptedTimes, Columns
from logs.ingest.meta import problem_of
from logs.ingest.protocols.otlp.json_structs import LogRecord, severity
from logs.ingest.protocols.otlp.mapping import LONGEST_ID
from logs.ingest.protocols.otlp.shared_columns import levels_of, metas_of, tails_of
from logs.ingest.record import REQUEST_NAMES, TRACE_NAMES, text_of, trace_of
from logs.ingest.timestamps import EPOCH, texts_of_nanoseconds

_FIRST, _LAST = b'[{"key":"', b"}}]"  # of a list of attributes
_NEXT, _NEXT_LIST = b'}},{"key":"', b'}}]\0[{"key":"'
_TEXT, _VALUE, _END = b',"value":{"stringValue":"', b',"value":{"', b"}}"
_TEXTS = re.compile(
    re.escape(_TEXT)
)  # bytes.replace makes itself ready anew for each of them, which takes twice as long
_INTEGER = rb"(?:-?+[1-9][0-9]{0,18}+|0)"
_SCALARS = re.compile(
    rb'(?:(?:intValue":(?:"%b"|%b)|boolValue":(?:true|false)|doubleValue":[-.0-9]{1,20}+)(?:\0|\Z))++'
    % (_INTEGER, _INTEGER)
)
_DIGITS_OF_A_TIME = 19  # nanoseconds, from 2001 to 2286
_EMPTY_LISTS = {b"", b"[]"}
_SHORTEST_MEMBER = len('"":0,')
_BYTES_A_CHARACTER = 4  # at most, in UTF-8
_HEXADECIMAL = "0123456789abcdef"


class _TextBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    string_value: str


_ID_NAMES = (*TRACE_NAMES, *REQUEST_NAMES)
_Ids: Any = msgspec.defstruct(
    "_Ids",
    [(f"id{number}", Raw, Raw(b"")) for number in range(len(_ID_NAMES))],
    rename={f"id{number}": name for number, name in enumerate(_ID_NAMES)},
)
_bodies = msgspec.json.Decoder(list[_TextBody])
_ids = msgspec.json.Decoder(list[_Ids])


class ColumnReader:
    """Reads the records of a scope, which have the members `shared` in common."""

    def __init__(self, shared: bytes, window: AcceptedTimes) -> None:
        self._opening = "{" + shared.decode()
        self._is_storable = problem_of(b"{%b}" % shared) is None
        self._longest_meta = settings.INGEST_MAX_FIELDS * _SHORTEST_MEMBER
        self._longest_message = settings.INGEST_MAX_MESSAGE_BYTES // _BYTES_A_CHARACTER
        self._earliest, self._latest = (_nanoseconds(each) for each in (window.earliest, window.latest))

    def columns(self, records: Sequence[LogRecord]) -> Columns | None:
        """Return what is stored of records; None when one is unusual."""
        (times, _, numbers, names, bodies, attributes, dropped, flags, traces, spans, events) = zip(
            *map(astuple, records), strict=True
        )
        stamps, levels, messages = self._stamps(times), levels_of(numbers, names, severity), self._messages(bodies)
        trace_ids, span_ids, members = _ids_of(traces, 32), _ids_of(spans, 16), _members(attributes)
        if stamps is None or levels is None or messages is None or members is None:
            return None
        if trace_ids is None or span_ids is None or any(events) or not self._is_storable:
            return None
        texts, named = members
        stored, said = levels
        metas = metas_of(self._opening, texts, tails_of(said, span_ids, dropped, flags))
        if max(map(len, metas)) > self._longest_meta:
            return None
        request_ids: Sequence[str | None] = [None] * len(records)
        if named:
            found = [text and trace_of(text) for text in _first_texts(named[: len(TRACE_NAMES)])]
            trace_ids = [own or other or None for own, other in zip(trace_ids, found, strict=True)]
            request_ids = [text[:LONGEST_ID] or None for text in _first_texts(named[len(TRACE_NAMES) :])]
        stored_metas = [meta or None for meta in metas] if "" in metas else metas
        return Columns(stored, stamps, messages, stored_metas, trace_ids, request_ids)

    def _stamps(self, times: Sequence[int | str | None]) -> list[str] | None:
        """Write times that are all written as nanoseconds are in our days, and within the window."""
        texts = cast("Sequence[str]", times)
        try:
            is_usual = {*map(len, texts)} == {_DIGITS_OF_A_TIME} and "".join(texts).encode().isdigit()
        except TypeError:  # there are numbers among them, or nothing
            return None
        is_within = is_usual and self._earliest <= min(texts) and max(texts) <= self._latest
        return texts_of_nanoseconds(texts) if is_within else None

    def _messages(self, bodies: Sequence[Raw]) -> list[str] | None:
        """Return bodies that are all texts, none empty or too long."""
        try:
            messages = [body.string_value for body in _bodies.decode(b"[%b]" % b",".join(bodies))]
        except msgspec.DecodeError:
            return None
        lengths = [*map(len, messages)] if len(messages) == len(bodies) else [0]
        return messages if min(lengths) and max(lengths) <= self._longest_message else None


def _nanoseconds(moment: datetime) -> str:
    return str((moment - EPOCH) // timedelta(microseconds=1) * 1_000)


def _ids_of(texts: Sequence[str | None], digits: int) -> Sequence[str | None] | None:
    """Return ids that are lower-case hexadecimal digits, as nearly all are, or absent; None for all if one is not."""
    if not any(texts):
        return [None] * len(texts)
    written = [text for text in texts if text]
    if set(map(len, written)) != {digits} or "".join(written).strip(_HEXADECIMAL):
        return None
    absent = "0" * digits
    if len(written) == len(texts) and absent not in written:
        return texts
    return [text if text and text != absent else None for text in texts]


def _members(attributes: Sequence[Raw]) -> tuple[list[str], Sequence[Sequence[Raw]]] | None:
    """Return of each list of attributes the members of a JSON object, each after a comma; and by each name of an id its
    values, where there is one."""
    filled = [each for each in attributes if len(each) > len("[]")]
    if len(filled) < len(attributes) and not {bytes(each) for each in attributes if len(each) <= 2} <= _EMPTY_LISTS:
        return None
    if not filled:
        return [""] * len(attributes), ()
    beginning, rests = _split_off([*map(bytes, filled)])
    text = _as_members(_FIRST + (b"\0" + _FIRST).join(rests) if beginning else b"\0".join(rests), len(filled))
    common = _as_members(beginning, 1) if beginning else b""
    if text is None or common is None:
        return None
    may_have_ids = _may_have_ids(text) or _may_have_ids(common)
    if common:
        text = common + text.replace(b"\0", b"\0" + common)
    pieces = text.decode().split("\0")
    ids = _ids.decode(b"[{" + text[1:].replace(b"\0,", b"},{") + b"}]") if may_have_ids else []
    if len(filled) < len(attributes):
        at, found = iter(pieces), iter(ids)
        is_filled = [len(each) > len("[]") for each in attributes]
        pieces = [next(at) if each else "" for each in is_filled]
        ids = [next(found) if each else _Ids() for each in is_filled] if ids else []
    return pieces, list(zip(*map(astuple, ids), strict=True))


def _may_have_ids(text: bytes) -> bool:
    """Return whether a name of an id that is looked for can be in the text; single letters are looked for at once."""
    return (
        b"race" in text
        or b"orrelation" in text
        or (b"q" in text and b"req" in text)
        or (b"\\" in text and rb"\u00" in text)
    )


def _split_off(lists: Sequence[bytes]) -> tuple[bytes, Sequence[bytes]]:
    """Return the attributes that all lists begin with, as loggers with fields of their own write them, and the lists
    without these; nothing and the lists where they have none in common."""
    first, last = lists[0], lists[-1]
    end = first.rfind(_NEXT)
    while end > 0 and not last.startswith(first[: end + len(_NEXT)]):
        end = first.rfind(_NEXT, 0, end)
    size = end + len(_NEXT)
    common = first[:size]
    if end <= 0 or len(lists) == 1 or not all(map(bytes.startswith, lists, repeat(common))):
        return b"", lists
    return common[:end] + _LAST, [each[size:] for each in lists]


def _as_members(text: bytes, lists: int) -> bytes | None:
    """Write lists of attributes, NUL between them, as members of objects; None when there is anything else in them."""
    if not text.startswith(_FIRST) or not text.endswith(_LAST):
        return None
    pieces = _TEXTS.split(b',"' + text[len(_FIRST) : -len(_LAST)])
    text, strings = b':"'.join(pieces), len(pieces) - 1
    first, *others = text.split(_VALUE)
    if others:
        parts = [each.partition(_END) for each in others]
        scalars = _scalars([head for head, _, _ in parts])
        if scalars is None:
            return None
        rests = [end + rest for _, end, rest in parts]  # the last one has no end any more
        text = b"".join([first, *chain.from_iterable(zip(scalars, rests, strict=True))])
    text, members = _replace(text, _NEXT, b',"')
    text, separators = _replace(text, _NEXT_LIST, b'\0,"')
    names = 1 + members + separators
    if separators != lists - 1 or names != strings + len(others) or b'"":' in text:
        return None
    escaped = text.replace(rb"\\", b"").count(rb"\"") if b"\\" in text else 0
    return text if text.count(b'"') - escaped == 2 * (names + strings) else None


def _replace(text: bytes, old: bytes, new: bytes) -> tuple[bytes, int]:
    """Replace bytes by fewer; returns how often, too."""
    result = text.replace(old, new)
    return result, (len(text) - len(result)) // (len(old) - len(new))


def _scalars(texts: Sequence[bytes]) -> list[bytes] | None:
    """Return of texts like `intValue":"7"` those like `:7`; None when one is neither a plain number nor a boolean."""
    text = b"\0".join(texts)
    if not _SCALARS.fullmatch(text):
        return None
    for kind in (b"intValue", b"boolValue", b"doubleValue"):
        text = text.replace(kind, b"")
    return text.replace(b'"', b"").split(b"\0")


def _first_texts(columns: Sequence[Sequence[Raw]]) -> list[str]:
    """Return of each record the first of its values that is not blank, as text."""
    texts = [""] * len(columns[0])
    for column in columns:
        if any(column):
            texts = [text or (text_of(raw).strip() if raw else "") for text, raw in zip(texts, column, strict=True)]
    return texts
