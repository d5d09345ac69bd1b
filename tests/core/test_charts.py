from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from pulseops.core.ui import chart_axes, charts
from pulseops.core.ui.chart_marks import Band, Marker

START = datetime(2026, 3, 17, 8, 0, tzinfo=UTC)


def hours(*counts: dict[str, int]) -> list[charts.Bucket]:
    return [
        charts.Bucket(START + timedelta(hours=index), START + timedelta(hours=index + 1), each)
        for index, each in enumerate(counts)
    ]


def test_bars_stack_errors_at_the_bottom() -> None:
    chart = charts.stacked_histogram(hours({"info": 60, "error": 40}, {}), height=130, top_count=100)
    error, info = chart.bars[0].segments
    assert (error.tone, info.tone) == ("error", "info")
    assert (error.y, error.height) == ("72.00", "40.00")
    assert (info.y, info.height) == ("12.00", "60.00")
    assert chart.bars[1].segments == ()
    assert (chart.bars[1].x, chart.bars[1].width) == ("50.000%", "50.000%")
    assert chart.total == 100


def test_one_error_among_a_million_is_still_seen() -> None:
    chart = charts.stacked_histogram(hours({"info": 1_000_000, "error": 1}))
    assert float(chart.bars[0].segments[0].height) >= 1.5


@pytest.mark.parametrize(("count", "ceiling"), [(0, 2), (1, 2), (3, 4), (7, 8), (10, 10), (130, 200), (900, 1000)])
def test_scales_end_on_round_numbers(count: int, ceiling: int) -> None:
    assert chart_axes.nice_ceiling(count) == ceiling


def test_what_lies_outside_is_not_drawn() -> None:
    chart = charts.stacked_histogram(
        hours({"info": 1}, {"info": 1}),
        markers=[Marker(START - timedelta(hours=1), "before"), Marker(START + timedelta(hours=1), "in")],
        bands=[
            Band(START - timedelta(hours=2), START - timedelta(hours=1), "before"),
            Band(START + timedelta(hours=1), None, "goes on"),
        ],
    )
    assert [(line.label, line.place) for line in chart.markers] == [("in", "50.000%")]
    assert [(span.label, span.x, span.width) for span in chart.bands] == [("goes on", "50.000%", "50.000%")]


def test_the_threshold_fits_on_the_scale() -> None:
    chart = charts.stacked_histogram(hours({"error": 3}), threshold=120)
    assert chart.threshold is not None
    assert chart.top < float(chart.threshold.place) < chart.bottom


def test_ticks_stand_on_round_times_of_the_reader() -> None:
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        chart = charts.stacked_histogram(hours({}, {}, {}, {}, {}, {}))
    assert [tick.label for tick in chart.ticks] == ["14:00", "15:00", "16:00", "17:00", "18:00", "19:00"]


def test_nothing_at_all_is_a_chart_too() -> None:
    chart = charts.stacked_histogram([])
    assert chart.bars == ()
    assert chart.total == 0


def test_a_bar_says_its_time_zone_and_counts() -> None:
    chart = charts.stacked_histogram(hours({"info": 1200, "error": 3}))
    assert chart.bars[0].title == "2026-03-17 08:00:00 to 09:00:00 UTC: 3 error, 1,200 info"


def test_flags_that_would_lie_on_each_other_become_one() -> None:
    at = START + timedelta(minutes=30)
    second = timedelta(seconds=1)
    markers = [
        Marker(at + second, "second", "/2"),
        Marker(at, "first", "/1", tone="error"),
        Marker(at + 2 * second, "third", "/3"),
        Marker(at + timedelta(minutes=5), "alone", "/4"),
    ]
    chart = charts.stacked_histogram(hours({"info": 1}), markers=markers)
    told = [(flag.label, flag.url, flag.tone) for flag in chart.markers]
    assert told == [("third\nsecond\nfirst", "/3", "error"), ("alone", "/4", "accent")]


def test_bands_that_overlap_are_one_strip_that_names_all_and_leads_to_the_later() -> None:
    later = Band(START + timedelta(minutes=20), None, "later", url="/2")
    earlier = Band(START, None, "earlier", url="/1")
    chart = charts.stacked_histogram(hours({"info": 1}), bands=[later, earlier])
    assert [(band.label, band.url) for band in chart.bands] == [("later\nearlier", "/2")]
    assert chart.has_links


def test_a_number_that_the_next_flag_would_stand_on_is_left_out() -> None:
    at = [timedelta(minutes=minutes) for minutes in (10, 11, 12.5, 30, 31, 57.2, 58.5, 59)]
    markers = [Marker(START + each, "checkout") for each in at]
    flags = charts.stacked_histogram(hours({}), markers=markers).markers
    assert [(flag.count, flag.anchor) for flag in flags] == [(2, ""), (1, "start"), (2, "start"), (1, "end"), (2, "")]
    assert charts.stacked_histogram(hours({}), markers=()).markers == ()


def test_a_curve_goes_in_steps_and_fits() -> None:
    chart = charts.stacked_histogram(
        hours({"error": 1}), height=130, curve=[(START, 0), (START + timedelta(minutes=30), 50)]
    )
    assert chart.curve.startswith(f"M0.0 {chart.bottom}.0H500.0V")
    assert float(chart.curve.split("V")[1]) >= chart.top
