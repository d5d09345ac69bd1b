"""Bodies of several JSON objects, however they are put together: an array, lines, or one behind the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

import msgspec
from msgspec import Raw

from logs.ingest.broken_json import entries_around_errors
from logs.ingest.copy_format import replace_unstorable
from logs.ingest.foreign_body import check_count, check_punctuation, most_logs
from logs.ingest.json_text import repair

DOCUMENT_COST = 2.5  # Datadog's tags and Splunk's envelopes: 16 to 18 µs a log, where Loki's take 6
_texts = msgspec.json.Decoder(list[Raw])
_text = msgspec.json.Decoder(Raw)
_LINE = re.compile(rb"[^\s][^\n]*+")
_READ = 64 * 1024  # characters, until what is read is cut off
_GLUES = (b"}{", b"}\n{", b"}\r\n{")
_decoder = json.JSONDecoder(parse_constant=str)


def documents_of(body: bytes) -> list[bytes]:
    """Return the texts of a body's JSON values; one that cannot be read is among them, to where its end seems to be.

    Raises ApiError 413 for more than a request may have.
    """
    check_punctuation(body)
    documents = _split(replace_unstorable(body.strip()))
    check_count(len(documents), DOCUMENT_COST)
    return documents


def _split(body: bytes) -> list[bytes]:
    if body[:1] == b"[":
        return _array(body)
    if body[:1] != b"{":
        return lines_of(body, most_logs(DOCUMENT_COST) + 1)
    if glued := _glued(body):
        return glued
    if _is_json(body.partition(b"\n")[0]):
        return lines_of(body, most_logs(DOCUMENT_COST) + 1)
    return list(islice(_one_by_one(body), most_logs(DOCUMENT_COST) + 1))


def _is_json(text: bytes) -> bool:
    try:
        _text.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def lines_of(body: bytes, most: int) -> list[bytes]:
    """Return the lines that are not blank, `most` of them at most."""
    return [match[0] for match in islice(_LINE.finditer(body), most)]


def _array(body: bytes) -> list[bytes]:
    try:
        return [bytes(each) for each in _texts.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    entries = entries_around_errors(body)
    if entries is not None:
        return entries
    repaired = repair(body)
    return [body] if repaired is None else [bytes(each) for each in _texts.decode(repaired)]


def _glued(body: bytes) -> list[bytes] | None:
    """Make an array of objects that follow each other; None if something between them only looks like their seam."""
    seams = sum(map(body.count, _GLUES))
    if seams >= most_logs(DOCUMENT_COST):
        return None
    content = body
    for glue in _GLUES:
        content = content.replace(glue, b"},{")
    try:
        texts = _texts.decode(b"[" + content + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return [bytes(each) for each in texts] if len(texts) == seams + 1 else None


def _one_by_one(body: bytes) -> Iterator[bytes]:
    """Read one value behind the other; what is none ends with its line."""
    text, at = body.decode("utf-8", "replace"), 0
    while at < len(text):
        if at > _READ:  # an error counts the lines before it
            text, at = text[at:], 0
        try:
            _, end = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = text.find("\n", at) % (len(text) + 1)
        yield text[at:end].encode("utf-8", "replace")
        while end < len(text) and text[end] in " \t\r\n,":
            end += 1
        at = end
