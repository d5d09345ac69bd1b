"""Histograms as numbers that a template can put into SVG.

Horizontal places are percentages of the chart's width, vertical ones pixels from its top, so the SVG needs no viewBox
and stretches with the page while its words keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from django.utils import timezone

from pulseops.core.extensions import Mark
from pulseops.core.ui import times
from pulseops.core.ui.chart_axes import Extent, Line, Scale, grid, nice_ceiling, percent, ticks
from pulseops.core.ui.states import LEVELS, style_of

AXIS = 18  # pixels under the bars for the words of the time axis
HEAD = 12  # pixels over the bars for the flags of markers
# Percent of the width: flags that are closer become one, which stands for no longer a time; where words go to the left.
_APART, _LONGEST, _ROOM, _NEAR_END = 2.0, 8.0, 4.5, 95.0
_LEAST_HEIGHT, _LEAST_ERROR = 1.5, 3.0  # pixels: one error among a million must still be seen
CURVE_WIDTH = 1000  # units of the box that a curve is drawn in
_OVER = 1.1  # how far a chart goes beyond its threshold
_MOST_NAMED = 8  # bands or flags that one that stands for several names


@dataclass(frozen=True, slots=True)
class Bucket:
    """What happened in [start, end): a count per tone (a level, `ok`, …). `url` is where a click on the bar leads.

    `span` is for scripts: from when to when, as addresses say it.
    """

    start: datetime
    end: datetime
    counts: Mapping[str, int]
    url: str = ""
    span: str = ""

    @property
    def total(self) -> int:
        """All of the bucket."""
        return sum(self.counts.values())


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
class Segment:
    """The part of a bar that one tone has."""

    tone: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket as drawn."""

    x: str
    width: str
    title: str
    url: str
    span: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A band as drawn."""

    x: str
    width: str
    label: str
    tone: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that components/histogram.html draws; heights in pixels."""

    height: int
    top: int
    bottom: int
    bars: tuple[Bar, ...]
    grid: tuple[Line, ...]
    ticks: tuple[Line, ...]
    markers: tuple[Line, ...]
    bands: tuple[Span, ...]
    threshold: Line | None
    tones: tuple[str, ...]
    total: int
    has_links: bool
    curve: str = ""  # a path in a box that is CURVE_WIDTH wide and as high as the chart

    @property
    def plot_height(self) -> int:
        """The height between the top of the highest bar and the base."""
        return self.bottom - self.top


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


def stacked_histogram(
    buckets: Sequence[Bucket],
    *,
    height: int = 112,
    markers: Iterable[Marker] = (),
    bands: Iterable[Band] = (),
    threshold: float | None = None,
    top_count: int | None = None,
    curve: Sequence[tuple[datetime, int]] = (),
    axes: bool = True,
    order: Sequence[str] = LEVELS,
) -> Chart:
    """Lay out `buckets`, oldest first and without gaps, as bars stacked in `order` from the bottom.

    `threshold` draws a line at that count, `curve` one through counts at moments. `top_count` fixes the scale, so that
    two charts can be compared.
    """
    top, bottom = (HEAD, height - AXIS) if axes else (0, height)
    highest = max((count for _, count in curve), default=0)
    peak = _peak(buckets, max(threshold or 0, highest / _OVER) or None, top_count, rounded=axes)
    extent = _extent(buckets)
    scale = Scale(top, bottom, peak)
    shown = tuple(tone for tone in order if any(bucket.counts.get(tone) for bucket in buckets))
    flags = tuple(_roomy(list(_flags([m for m in markers if extent.holds(m.at)], extent))))
    drawn = tuple(span for band in _united(bands) if (span := _span(band, extent)))
    return Chart(
        height=height,
        top=top,
        bottom=bottom,
        bars=tuple(_bar(bucket, extent, scale, order) for bucket in buckets),
        grid=grid(scale) if axes else (),
        ticks=ticks(extent) if axes else (),
        markers=flags,
        bands=drawn,
        threshold=_threshold(threshold, scale),
        tones=shown,
        total=sum(bucket.total for bucket in buckets),
        has_links=any(bucket.url or bucket.span for bucket in buckets)
        or any(flag.url for flag in flags)
        or any(band.url for band in drawn),
        curve=_curve(curve, extent, scale),
    )


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


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Buckets as one path for each tone, in a box of `width` by `height` that the page stretches."""

    width: int
    height: int
    paths: tuple[tuple[str, str], ...]  # tone, the path's data


SPARK_BAR, SPARK_STEP = 8, 10  # of the box: a bar, and a bar with its gap


def sparkline(
    buckets: Sequence[Bucket], *, height: int = 28, order: Sequence[str] = (*LEVELS, "incident")
) -> Sparkline:
    """Draw `buckets` small: a page may have dozens of these, so each is a few paths and not hundreds of elements."""
    scale = Scale(0, height, _peak(buckets, None, None, rounded=False))
    paths: dict[str, list[str]] = {}
    for index, bucket in enumerate(buckets):
        y = float(height)
        for tone in order:
            count = bucket.counts.get(tone, 0)
            if count:
                length = max(scale.length(count), 1.5)
                y = max(y - length, 0)
                paths.setdefault(tone, []).append(
                    f"M{index * SPARK_STEP} {y:.1f}h{SPARK_BAR}v{length:.1f}h-{SPARK_BAR}z"
                )
    drawn = tuple((tone, "".join(paths[tone])) for tone in order if tone in paths)
    return Sparkline(max(len(buckets), 1) * SPARK_STEP, height, drawn)


def _extent(buckets: Sequence[Bucket]) -> Extent:
    start = buckets[0].start if buckets else timezone.now()
    return Extent(start, buckets[-1].end if buckets else start + timedelta(hours=1))


def _peak(buckets: Sequence[Bucket], threshold: float | None, fixed: int | None, *, rounded: bool) -> float:
    highest = fixed or max([bucket.total for bucket in buckets] + [math.ceil((threshold or 0) * _OVER), 1])
    return nice_ceiling(highest) if rounded else highest


def _bar(bucket: Bucket, extent: Extent, scale: Scale, order: Sequence[str]) -> Bar:
    x = extent.share(bucket.start)
    segments, y = [], float(scale.bottom)
    for tone in order:
        count = bucket.counts.get(tone, 0)
        if count:
            length = max(scale.length(count), _LEAST_ERROR if tone == "error" else _LEAST_HEIGHT)
            y -= length
            segments.append(Segment(tone, f"{max(y, 0):.2f}", f"{length:.2f}"))
    width = extent.share(bucket.end) - x
    return Bar(percent(x), percent(width), _title(bucket, order), bucket.url, bucket.span, tuple(segments))


def _title(bucket: Bucket, order: Sequence[str]) -> str:
    counts = ", ".join(f"{bucket.counts[tone]:,} {tone}" for tone in order if bucket.counts.get(tone))
    return f"{times.span(bucket.start, bucket.end)}: {counts or 'nothing'}"


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


def _curve(points: Sequence[tuple[datetime, int]], extent: Extent, scale: Scale) -> str:
    """Return steps: each count holds until the next."""
    parts: list[str] = []
    for at, count in points:
        x, y = f"{extent.share(at) * CURVE_WIDTH / 100:.1f}", f"{scale.bottom - scale.length(count):.1f}"
        parts.append(f"H{x}V{y}" if parts else f"M{x} {y}")
    return "".join(parts)


def _threshold(count: float | None, scale: Scale) -> Line | None:
    return None if count is None else Line(f"{scale.bottom - scale.length(count):.2f}", f"threshold {count:g}")
