"""Histograms as numbers that a template can put into SVG.

Horizontal places are percentages of the chart's width, vertical ones pixels from its top, so the SVG needs no viewBox
and stretches with the page while its words keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from pulseops.core.ui import times
from pulseops.core.ui.chart_axes import Extent, Line, Scale, grid, nice_ceiling, percent, ticks
from pulseops.core.ui.chart_marks import Band, Marker, Span, flags_of, spans_of
from pulseops.core.ui.states import LEVELS

AXIS = 18  # pixels under the bars for the words of the time axis
HEAD = 12  # pixels over the bars for the flags of markers
_LEAST_HEIGHT, _LEAST_ERROR = 1.5, 3.0  # pixels: one error among a million must still be seen
CURVE_WIDTH = 1000  # units of the box that a curve is drawn in
_OVER = 1.1  # how far a chart goes beyond its threshold


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
    flags = tuple(flags_of([m for m in markers if extent.holds(m.at)], extent))
    drawn = tuple(spans_of(bands, extent))
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


def _curve(points: Sequence[tuple[datetime, int]], extent: Extent, scale: Scale) -> str:
    """Return steps: each count holds until the next."""
    parts: list[str] = []
    for at, count in points:
        x, y = f"{extent.share(at) * CURVE_WIDTH / 100:.1f}", f"{scale.bottom - scale.length(count):.1f}"
        parts.append(f"H{x}V{y}" if parts else f"M{x} {y}")
    return "".join(parts)


def _threshold(count: float | None, scale: Scale) -> Line | None:
    return None if count is None else Line(f"{scale.bottom - scale.length(count):.2f}", f"threshold {count:g}")
