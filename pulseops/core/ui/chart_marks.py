"""What lies over a chart: flags of what happened at a moment, bands of what lasted; those too close become one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from pulseops.core.extensions import Mark
from pulseops.core.ui.chart_axes import Extent, Line, percent
from pulseops.core.ui.states import style_of

# Percent of the width: flags that are closer become one, which stands for no longer a time; where words go to the left.
_APART, _LONGEST, _ROOM, _NEAR_END = 2.0, 8.0, 4.5, 95.0
_MOST_NAMED = 8  # bands or flags that one that stands for several names


@dataclass(frozen=True, slots=True)
class Marker:
    """Something that happened at one moment: a deployment, say."""

    at: datetime
    label: str
    url: str = ""
    tone: str = "accent"


@dataclass(frozen=True, slots=True)
class Band:
    """Something that lasted: an incident, say; `end` None while it goes on. `url` is where its strip leads."""

    start: datetime
    end: datetime | None
    label: str
    tone: str = "incident"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A band as drawn."""

    x: str
    width: str
    label: str
    tone: str
    url: str = ""


def markers_of(marks: Iterable[Mark]) -> list[Marker]:
    """Return the points among `marks` as flags; one of something that failed is red."""
    return [
        Marker(each.at, each.label, each.url, "error" if style_of(each.status).tone == "error" else "accent")
        for each in marks
        if each.until is None
    ]


def bands_of(marks: Iterable[Mark]) -> list[Band]:
    """Return the spans among `marks` as bands."""
    return [Band(each.at, each.until, each.label, url=each.url) for each in marks if each.until is not None]


def flags_of(markers: Iterable[Marker], extent: Extent) -> Iterator[Line]:
    """Place the markers; the number beside a flag is left out where another flag stands."""
    return _roomy(list(_flags(markers, extent)))


def spans_of(bands: Iterable[Band], extent: Extent) -> Iterator[Span]:
    """Place the bands, those of one tone that overlap as one."""
    return (span for band in _united(bands) if (span := _span(band, extent)))


def _flags(markers: Iterable[Marker], extent: Extent) -> Iterator[Line]:
    """Place the markers; of those that would lie on each other one stands for all, and says and leads to the newest."""
    together: list[Marker] = []
    for marker in sorted(markers, key=lambda each: each.at):
        if together and _is_apart(together, marker, extent):
            yield _flag(together, extent)
            together = []
        together.append(marker)
    if together:
        yield _flag(together, extent)


def _roomy(flags: Sequence[Line]) -> Iterator[Line]:
    """Leave out the number beside a flag where another flag stands; the card says it all the same."""
    places = [float(flag.place.rstrip("%")) for flag in flags]
    for number, flag in enumerate(flags):
        beside = number - 1 if flag.anchor == "end" else number + 1
        is_free = not 0 <= beside < len(flags) or abs(places[beside] - places[number]) > _ROOM
        yield flag if is_free else replace(flag, anchor="")


def _is_apart(together: Sequence[Marker], marker: Marker, extent: Extent) -> bool:
    """Return whether `marker` has a flag of its own beside that of the others, which stands at the newest of them."""
    place = extent.share(marker.at)
    gap, length = place - extent.share(together[-1].at), place - extent.share(together[0].at)
    return gap > _APART or length > _LONGEST


def _flag(markers: Sequence[Marker], extent: Extent) -> Line:
    newest = markers[-1]
    tone = next((each.tone for each in markers if each.tone == "error"), newest.tone)
    label = _names([each.label for each in reversed(markers)])
    place = extent.share(newest.at)
    anchor = "end" if place > _NEAR_END else "start"
    return Line(percent(place), label, anchor, newest.url, tone, len(markers))


def _span(band: Band, extent: Extent) -> Span | None:
    end = band.end or extent.end
    if end <= extent.start or band.start >= extent.end:
        return None
    x = extent.share(band.start)
    return Span(percent(x), percent(max(extent.share(end) - x, 0.3)), band.label, band.tone, band.url)


def _united(bands: Iterable[Band]) -> Iterator[Band]:
    """Yield the union of the bands of each tone: those that overlap become one, which says and leads to the newest."""
    for _, of_tone in groupby(sorted(bands, key=lambda each: (each.tone, each.start)), key=lambda each: each.tone):
        together: list[Band] = []
        for band in of_tone:
            until = _last_end(together)
            if together and until is not None and band.start > until:
                yield _union(together)
                together = []
            together.append(band)
        yield _union(together)


def _last_end(bands: Sequence[Band]) -> datetime | None:
    ends = [band.end for band in bands]
    return max((end for end in ends if end), default=None) if None not in ends else None


def _union(bands: Sequence[Band]) -> Band:
    newest = bands[-1]
    return Band(
        bands[0].start, _last_end(bands), _names([band.label for band in reversed(bands)]), newest.tone, newest.url
    )


def _names(labels: Sequence[str]) -> str:
    more = len(labels) - _MOST_NAMED
    return "\n".join([*labels[:_MOST_NAMED], *([f"and {more:,} more"] if more > 0 else [])])
