"""Where the secrets of a kind stand in bytes of UTF-8.

RE2 takes a microsecond of Python for each match, whatever its length. So what may stand in every line of a log,
addresses, is found by `re` at the byte that is in each of them and looked at from there: in bounded steps, so in linear
time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import re2

from logs.ingest_rules.clock import LOOKS, ScrubClock

Span = tuple[int, int]
Finder = Callable[[bytes, ScrubClock], Sequence[Span]]  # raises OutOfTimeError

_NAMED_GROUP = re.compile(r"\(\?P?<\w+>")
_MEMORY = 4 << 20  # bytes, of the pattern that finds any kind
_NEVER = r"[^\x00-\x{10FFFF}]"

_OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_END = rb"(?![0-9A-Za-z_])"
_HEXADECIMAL = b"0123456789abcdefABCDEF"
# At the first dot. The first group is what follows; the number of the last one, which is empty, that of the characters
# from the first digit to there.
_IPV4 = re.compile(
    rb"\.(?=[0-9]{1,3}+\.[0-9]{1,3}+\.[0-9])(?=(%b\.%b\.%b)%b)"
    rb"(?:(?<=\b[0-9]\.)()|(?<=\b[1-9][0-9]\.)()"
    rb"|(?:(?<=\b1[0-9]{2}\.)|(?<=\b2[0-4][0-9]\.)|(?<=\b25[0-5]\.))())" % (_OCTET, _OCTET, _OCTET, _END)
)
# At the first colon: before that stand four hexadecimal digits at most, and nothing that goes on to the left. Then two
# colons together and what follows them, or all of eight groups; the last two of these can be written as version 4.
_BEFORE = rb"(?:%b)" % rb"|".join(
    rb"(?<=[0-9A-Fa-f]{%d}:)(?<![0-9A-Za-z:.][0-9A-Fa-f]{%d}:)" % (digits, digits) for digits in range(5)
)
_IPV6 = re.compile(
    rb":%(before)b(?:(?:%(group)b:){0,6}+:(?:%(group)b:){0,6}(?:%(dotted)b|%(group)b)%(end)b"
    rb"|(?<=[0-9A-Fa-f]:)(?:%(group)b:){5}(?:%(dotted)b|%(group)b:%(group)b)%(end)b(?!:[0-9A-Fa-f]))"
    % {
        b"before": _BEFORE,
        b"group": rb"[0-9A-Fa-f]{1,4}+",
        b"dotted": rb"%b(?:\.%b){3}" % (_OCTET, _OCTET),
        b"end": _END,
    }
)
_COLONS = re.compile(rb":(?::|[0-9A-Fa-f]{1,4}:)")  # of which each of them has one; found at a tenth of the cost
_MAY_BE_IPV6 = re2.compile(rb"::[0-9A-Fa-f]|(?:[0-9A-Fa-f]{1,4}:){6}[0-9A-Fa-f]")

_DOMAIN = re.compile(rb"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,126}[A-Za-z]{2,24}\b")
_LOCAL = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-"
_LONGEST_LOCAL = 64

_CARD = re.compile(rb"[2-6](?<![0-9A-Za-z_].)[0-9](?:[ -]?+[0-9]){11,17}(?![0-9A-Za-z_])")
_MAY_BE_CARD = re2.compile(rb"\b[2-6][0-9](?:[ -]?[0-9]){11,17}\b")
_VALUES = bytes(max(0, each - ord("0")) for each in range(256))  # of ASCII digits
_DOUBLED = bytes(2 * each - 9 * (each > 4) if each < 10 else 0 for each in range(256))


def any_of(patterns: Iterable[str]) -> Any:
    """Return the pattern that matches where any of them does; nothing where there is none."""
    options = re2.Options()
    options.log_errors, options.max_mem = False, _MEMORY
    alternatives = [f"(?:{_NAMED_GROUP.sub('(?:', each)})" for each in patterns]
    return re2.compile("|".join(alternatives or [_NEVER]).encode(), options)


def matches(pattern: str, before: re.Pattern[bytes] | None = None) -> Finder:
    """Return a finder of what RE2 matches, without what `before` matches at its beginning."""
    compiled = re2.compile(pattern.encode())

    def find(whole: bytes, clock: ScrubClock) -> Sequence[Span]:
        spans: list[Span] = []
        for start, end in spans_of(compiled, whole, clock):
            kept = before.match(whole, start, end) if before else None
            spans.append((kept.end() if kept else start, end))
        return spans

    return find


def spans_of(pattern: Any, whole: bytes, clock: ScrubClock) -> Sequence[Span]:
    """Return the spans of a pattern of RE2 that never matches nothing and has no group. Raises OutOfTimeError.

    Without the object that RE2 makes of each match, which takes longer than finding it. When RE2 no longer has this
    way, tests/logs/test_scrub_finders.py says so.
    """
    match, anchor, end, size = pattern._regexp.Match, re2._Anchor.UNANCHORED, 0, len(whole)
    spans: list[Span] = []
    while True:
        ((start, end),) = match(anchor, whole, end, size)
        if start < 0:
            return spans
        spans.append((start, end))
        if len(spans) % LOOKS == 0:
            clock.check()


def card_numbers(whole: bytes, clock: ScrubClock) -> Sequence[Span]:
    """Find them from the first digit, and check them by Luhn."""
    if not _MAY_BE_CARD.search(whole):  # a fifth of what looking at each number takes
        return ()
    spans: list[Span] = []
    for matches in clock.groups(_CARD.finditer(whole)):
        spans += [match.span() for match in matches if is_card_number(match[0])]
    return spans


def email_addresses(whole: bytes, clock: ScrubClock) -> Sequence[Span]:
    """Find them from their @ to both sides."""
    spans = []
    done = 0
    for matches in clock.groups(_DOMAIN.finditer(whole)):
        for match in matches:
            at, end = match.span()
            before = whole[max(done, at - _LONGEST_LOCAL) : at]
            if local := len(before) - len(before.rstrip(_LOCAL)):
                spans.append((at - local, done := end))
    return spans


def ip_addresses(whole: bytes, clock: ScrubClock) -> Sequence[Span]:
    """Find them from the first dot of version 4, and from the first colon of version 6."""
    spans = _ipv4_addresses(whole, clock)
    if _COLONS.search(whole) and _MAY_BE_IPV6.search(whole):
        return _apart(sorted(spans + _ipv6_addresses(whole, clock)))
    return spans


def _ipv4_addresses(whole: bytes, clock: ScrubClock) -> list[Span]:
    spans = []
    done = 0
    for matches in clock.groups(_IPV4.finditer(whole)):
        for match in matches:
            rest, end = match.span(1)
            if (start := rest - (match.lastindex or 0)) >= done:
                spans.append((start, done := end))
    return spans


def _ipv6_addresses(whole: bytes, clock: ScrubClock) -> list[Span]:
    spans = []
    for matches in clock.groups(_IPV6.finditer(whole)):
        for match in matches:
            colon, end = match.span()
            before = whole[max(0, colon - 4) : colon]
            spans.append((colon - len(before) + len(before.rstrip(_HEXADECIMAL)), end))
    return spans


def _apart(spans: Iterable[Span]) -> Sequence[Span]:
    """Leave those out that overlap one before them."""
    apart: list[Span] = []
    for span in spans:
        if not apart or span[0] >= apart[-1][1]:
            apart.append(span)
    return apart


def is_card_number(text: bytes) -> bool:
    """Return whether the digits satisfy Luhn's checksum (ISO/IEC 7812-1) and are not all the same."""
    digits = text.translate(_VALUES, b" -")
    checksum = sum(digits[::-2]) + sum(digits[-2::-2].translate(_DOUBLED))
    return checksum % 10 == 0 and (digits[0] != digits[1] or digits.count(digits[0]) < len(digits))
