"""Stack traces made readable: causes stand out, and frames that repeat or go on for long are folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from logs.explorer.marker import Marker

MOST_LINES = 5_000  # that are looked at; what follows stands there as it is
_FRAMES_SHOWN, _FEWEST_FOLDED = 12, 6  # frames of one exception; fewer are not worth a fold
_LONGEST_CYCLE, _FEWEST_TIMES = 6, 3  # frames that call each other, and how often before they are folded
_FRAME = re.compile(r"\s+(?:at |\.\.\. \d+ more|File \"|from |\^|~)|\s{4,}\S|#\d+ ")
_CAUSE = re.compile(
    r"\s*(?:Caused by:|Suppressed:|During handling of the above exception|The above exception was the direct cause"
    r"|Traceback \(most recent call last\)|\[cause\]:|Error: |panic: )"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines that belong together: `kind` is "text", "frames", or "cause" for those that stand out."""

    kind: str
    lines: Sequence[str]


def stack_html(text: str, marker: Marker) -> SafeString:
    """Return `text`, of several lines, as HTML of which the text is `text`: what a fold says of itself is in CSS."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return marker.mark(text)
    pieces = [_part_html(part, marker) for part in _parts(lines[:MOST_LINES])]
    return mark_safe("".join(pieces) + marker.mark("".join(lines[MOST_LINES:])))  # noqa: S308  # made of safe pieces


def _parts(lines: Sequence[str]) -> Iterator[_Part]:
    start = 0
    for end in range(1, len(lines) + 1):
        if (
            end == len(lines)
            or _kind(lines[end], end) != _kind(lines[start], start)
            or _kind(lines[end], end) == "cause"
        ):
            yield _Part(_kind(lines[start], start), lines[start:end])
            start = end


def _kind(line: str, number: int) -> str:
    if number == 0 or _CAUSE.match(line):
        return "cause"
    return "frames" if _FRAME.match(line) else "text"


def _part_html(part: _Part, marker: Marker) -> SafeString:
    if part.kind == "cause":
        return format_html('<b class="stack__cause">{}</b>', marker.mark("".join(part.lines)))
    if part.kind == "frames":
        return _frames_html(part.lines, marker)
    return marker.mark("".join(part.lines))


def _frames_html(frames: Sequence[str], marker: Marker) -> SafeString:
    pieces, shown, at = [], 0, 0
    while at < len(frames):
        length, times = _cycle(frames, at)
        if times >= _FEWEST_TIMES:
            pieces.append(marker.mark("".join(frames[at : at + length])))
            folded = frames[at + length : at + length * times]
            pieces.append(_fold(folded, f"repeated {times - 1:,} more times", marker))
            at += length * times
            shown += length
        elif shown >= _FRAMES_SHOWN and len(frames) - at >= _FEWEST_FOLDED:
            pieces.append(_fold(frames[at:], f"{len(frames) - at:,} more lines", marker))
            break
        else:
            pieces.append(marker.mark(frames[at]))
            shown += 1
            at += 1
    return mark_safe("".join(pieces))  # noqa: S308  # made of safe pieces


def _cycle(frames: Sequence[str], at: int) -> tuple[int, int]:
    """Return how many frames at `at` come again and again, and how often; the fewest that come thrice."""
    for length in range(1, _LONGEST_CYCLE + 1):
        times = 1
        first = frames[at : at + length]
        while len(first) == length and frames[at + length * times : at + length * (times + 1)] == first:
            times += 1
        if times >= _FEWEST_TIMES:
            return length, times
    return 1, 1


def _fold(lines: Sequence[str], words: str, marker: Marker) -> SafeString:
    """Fold `lines`; one in which something is marked stays open."""
    html = marker.mark("".join(lines))
    is_open = " open" if "<mark>" in html else ""
    return format_html(
        '<details class="stack__fold"{}><summary data-words="{}" aria-label="{}"></summary>{}</details>',
        is_open,
        words,
        words,
        html,
    )
