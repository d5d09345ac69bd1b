"""Lines of syslog: RFC 5424, RFC 3164 as it is really written, and Heroku's, which leaves the structured data out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from logs.ingest.json_text import Fields
from logs.ingest.levels import SYSLOG_SCALE
from logs.ingest.record import Record, json_of, lift, row_of
from logs.ingest.rows import Row
from logs.ingest.timestamps import EPOCH, micros_of_text

_PRIORITY = re.compile(r"<(\d{1,3})>")
_HIGHEST = 191
# Version, time, host, program, process, message id; and what is left.
_NEW = re.compile(r"(\d{1,2}) (\S{1,100}) (\S{1,255}) (\S{1,200}) (\S{1,200}) (\S{1,200})(?: (.*))?", re.DOTALL)
_OLD = re.compile(
    r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S{1,255}) ([^\s:\[]{1,100})(?:\[([^\]\s]{1,50})\])?: ?(.*)", re.DOTALL
)
_ELEMENT = re.compile(r'\[([^\s=\]"]{1,64})((?: [^\s=\]"]{1,64}="(?:[^"\\\]]++|\\.)*+")*+)\]', re.DOTALL)
_PARAMETER = re.compile(r' ([^\s=\]"]{1,64})="((?:[^"\\\]]++|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')
_FRAME = re.compile(rb"(\d{1,8}) ")
_BOM = "\ufeff"
_HALF_A_YEAR = timedelta(days=183)


def frames_of(body: bytes) -> Iterator[bytes]:
    """Cut a body into messages: by octet counting (RFC 6587, 3.4.1), or where there is none by lines."""
    at = 0
    while match := _FRAME.match(body, at):
        end = match.end() + int(match[1])
        yield body[match.end() : end]
        at = end
    yield from (line for line in body[at:].split(b"\n") if line.strip())


def read_line(line: bytes, received_at: datetime) -> Row:
    """Read one message; what cannot be read is the message as it stands."""
    text = line.decode("utf-8", "replace").strip("\r\n\0")
    match = _PRIORITY.match(text)
    if match is None or int(match[1]) > _HIGHEST:
        return row_of(lift(text), text)
    fields: Fields = {"facility": json_of(int(match[1]) >> 3)}
    record = _read_rest(text[match.end() :], fields, received_at)
    level = SYSLOG_SCALE[int(match[1]) & 7]
    # A logger's own word says more than the priority that what forwards it gives to all lines.
    inner = lift(record.message) if record.message else Record()
    record.level = inner.level or level
    return row_of(record, text)


def _read_rest(text: str, fields: Fields, received_at: datetime) -> Record:
    if match := _NEW.fullmatch(text):
        _, time, *named, rest = match.groups()
        for name, value in zip(("hostname", "appname", "procid", "msgid"), named, strict=True):
            if value != "-":
                fields[name] = json_of(value)
        message = _without_structured_data(rest or "", fields)
        return Record(message=message, micros=micros_of_text(time), rest=fields)
    if match := _OLD.fullmatch(text):
        time, host, tag, process, message = match.groups()
        fields |= {"hostname": json_of(host), "appname": json_of(tag)}
        if process:
            fields["procid"] = json_of(process)
        return Record(message=message.strip(), micros=_old_time(time, received_at), rest=fields)
    return Record(message=text.strip(), rest=fields)


def _without_structured_data(text: str, fields: Fields) -> str:
    """Take structured data into `fields`; returns the message behind it, without a byte order mark."""
    if text == "-" or text.startswith("- "):
        text = text[1:]
    while match := _ELEMENT.match(text):
        for name, value in _PARAMETER.findall(match[2]):
            fields[f"{match[1]}.{name}"] = json_of(_ESCAPED.sub(r"\1", value))
        text = text[match.end() :]
    return text.strip().removeprefix(_BOM)


def _old_time(text: str, received_at: datetime) -> int | None:
    """RFC 3164 has no year and no zone: the year that is nearest to now, and UTC."""
    for year in (received_at.year, received_at.year - 1, received_at.year + 1):
        try:
            moment = datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            continue
        if abs(moment - received_at) < _HALF_A_YEAR:
            return (moment - EPOCH) // timedelta(microseconds=1)
    return None
