"""Lines of syslog: RFC 5424, RFC 3164 as it is really written, and Heroku's, which leaves the structured data out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from logs.ingest.json_text import Fields
from logs.ingest.levels import SYSLOG_SCALE
from logs.ingest.record import Record, json_of, lift, row_of
from logs.ingest.rows import Row
from logs.ingest.timestamps import EPOCH, micros_of_text

_PRIORITY = re.compile(r"<(\d{1,3})>")
_HIGHEST = 191
# Version, time, host, program, process, message id; and what is left.
_NEW = re.compile(r"(\d{1,2}) (\S{1,100}) (\S{1,255}) (\S{1,200}) (\S{1,200}) (\S{1,200})(?: (.*))?", re.DOTALL)
# RFC 3164's time as it is really written: with a year, with parts of a second, with a router's count and mark in front
# of it and a colon behind; or one of RFC 3339, as rsyslog forwards it.
_OLD_TIME = re.compile(
    r"(?:\d{1,10}: )?[*.]?"
    r"(?:(?P<day>[A-Z][a-z]{2} [ \d]\d)(?: (?P<year>\d{4}))? (?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<part>\d{1,6}))?:?"
    r"|(?P<iso>\d{4}-\d\d-\d\dT[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d))) "
)
_OLD_REST = re.compile(r"(\S{1,255}+) ([^\s:\[]{1,100}+)(?:\[([^\]\s]{1,50}+)\])?: ?(.*)", re.DOTALL)
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


def read_line(line: bytes, received_at: datetime, zone: tzinfo = UTC) -> Row:
    """Read one message; what cannot be read is the message as it stands. A time that names no zone is in `zone`."""
    text = line.decode("utf-8", "replace").strip("\r\n\0")
    match = _PRIORITY.match(text)
    if match is None or int(match[1]) > _HIGHEST:
        return row_of(lift(text), text)
    fields: Fields = {"facility": json_of(int(match[1]) >> 3)}
    record = _read_rest(text[match.end() :], fields, received_at, zone)
    level = SYSLOG_SCALE[int(match[1]) & 7]
    # A logger's own word says more than the priority that what forwards it gives to all lines.
    inner = lift(record.message) if record.message else Record()
    record.level = inner.level or level
    return row_of(record, text)


def _read_rest(text: str, fields: Fields, received_at: datetime, zone: tzinfo) -> Record:
    if match := _NEW.fullmatch(text):
        _, time, *named, rest = match.groups()
        for name, value in zip(("hostname", "appname", "procid", "msgid"), named, strict=True):
            if value != "-":
                fields[name] = json_of(value)
        message = _without_structured_data(rest or "", fields)
        return Record(message=message, micros=micros_of_text(time), rest=fields)
    if match := _OLD_TIME.match(text):
        return _read_old(text[match.end() :], fields, _old_time(match, received_at, zone))
    return Record(message=text.strip(), rest=fields)


def _read_old(text: str, fields: Fields, micros: int | None) -> Record:
    """Read what follows a time of RFC 3164: host and tag, or a router's message, which has neither."""
    if match := _OLD_REST.fullmatch(text):
        host, tag, process, text = match.groups()
        fields |= {"hostname": json_of(host), "appname": json_of(tag)}
        if process:
            fields["procid"] = json_of(process)
    return Record(message=text.strip(), micros=micros, rest=fields)


def _without_structured_data(text: str, fields: Fields) -> str:
    """Take structured data into `fields`; returns the message behind it, without a byte order mark."""
    if text == "-" or text.startswith("- "):
        text = text[1:]
    while match := _ELEMENT.match(text):
        for name, value in _PARAMETER.findall(match[2]):
            fields[f"{match[1]}.{name}"] = json_of(_ESCAPED.sub(r"\1", value))
        text = text[match.end() :]
    return text.strip().removeprefix(_BOM)


def _old_time(match: re.Match[str], received_at: datetime, zone: tzinfo) -> int | None:
    """Return the microseconds of a time. RFC 3164 has no year: the one that is nearest to now."""
    if match["iso"]:
        return micros_of_text(match["iso"])
    here = received_at.astimezone(zone)
    years = [int(match["year"])] if match["year"] else [here.year, here.year - 1, here.year + 1]
    for year in years:
        try:
            text = f"{year} {match['day']} {match['clock']}"
            moment = datetime.strptime(text, "%Y %b %d %H:%M:%S").replace(tzinfo=zone)
        except ValueError:
            continue
        moment = moment.replace(microsecond=int((match["part"] or "0").ljust(6, "0")))
        if match["year"] or abs(moment - received_at) < _HALF_A_YEAR:
            return (moment - EPOCH) // timedelta(microseconds=1)
    return None
