"""What templates say with one tag: icons, times, states, levels, charts. The style guide page shows each."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.core.files.storage import Storage, storages
from django.template.defaultfilters import stringfilter
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from pulseops.core.ui import charts, states, times

register = template.Library()
_AVATAR_HUES = 6


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """Show a symbol of static/icons.svg; `label` names it where no word stands beside it, `css` adds classes."""
    return _icon(_symbols(storages["staticfiles"]), name, label, css)


@lru_cache(maxsize=1)  # the file's name does not change as long as the process runs
def _symbols(_storage: Storage) -> str:
    return static("icons.svg")


@lru_cache(maxsize=512, typed=True)  # thirty on each page, a seventh of its time; text that is safe is another type
def _icon(address: str, name: str, label: str, css: str) -> SafeString:
    said = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html(
        '<svg class="icon {}" viewBox="0 0 16 16" {}><use href="{}#{}"/></svg>', css, said, address, name
    )


@register.simple_tag
def when(moment: datetime | None, empty: str = "never") -> SafeString | str:
    """Say how long ago `moment` was, with the exact time in the title; `empty` stands for None."""
    if moment is None:
        return empty
    return format_html(
        '<time class="when" datetime="{}" title="{}" data-when>{}</time>',
        _iso(moment),
        f"{times.exact(moment)} {times.zone_label(moment)}",
        times.relative(moment),
    )


@register.simple_tag
def abs_time(
    moment: datetime | None, milliseconds: bool = False, zone: bool = True, empty: str = "never"
) -> SafeString | str:
    """Say `moment` exactly; `zone=False` only where a column's head or the like names the zone already.

    A head names the zone as it is now, so a time at which it had another name (CEST, seen in winter) still says that.
    """
    if moment is None:
        return empty
    label = times.zone_label(moment)
    name = f" {label}" if zone or label != times.zone_label() else ""
    return format_html(
        '<time datetime="{}" title="{}">{}{}</time>',
        _iso(moment),
        times.relative(moment),
        times.exact(moment, milliseconds=milliseconds),
        name,
    )


@register.simple_tag
def elapsed(start: datetime | None, end: datetime | None = None) -> SafeString | str:
    """Say how long it took from `start` to `end`; without `end` it is still going on and ticks."""
    if start is None:
        return ""
    seconds = ((end or timezone.now()) - start).total_seconds()
    since = "" if end else format_html(' data-since="{}"', _iso(start))
    return format_html('<time datetime="PT{}S"{}>{}</time>', max(0, int(seconds)), since, times.duration(seconds))


@register.simple_tag
def distance(moment: datetime, other: datetime) -> SafeString:
    """Say how long before or after `moment` the `other` was, with its exact time in the title."""
    seconds = (other - moment).total_seconds()
    words = f"{times.duration(abs(seconds))} {'after' if seconds > 0 else 'before'}"
    exact = f"{times.exact(other)} {times.zone_label(other)}"
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(other), exact, words)


@register.simple_tag
def zone_name() -> str:
    """Name the zone that times are shown in, for a column's head."""
    return times.zone_label()


@register.filter
def duration(seconds: float | None) -> str:
    """Say a length of time given in seconds."""
    return "" if seconds is None else times.duration(seconds)


@register.simple_tag
def status(state: str, label: str = "") -> SafeString:
    """Say a state with its shape and colour; `label` if the word to show differs from `state`."""
    seen = states.style_of(state)
    said = label or ("OK" if state == "ok" else state.capitalize())
    return format_html('<span class="status tone-{}">{}{}</span>', seen.tone, icon(seen.icon), said)


@register.simple_tag
def badge(label: str, tone: str = "neutral", symbol: str = "") -> SafeString:
    """Show a word on its tone, with an icon if `symbol` names one."""
    return format_html('<span class="badge tone-{}">{}{}</span>', tone, icon(symbol) if symbol else "", label)


@register.simple_tag
def level(name: str) -> SafeString:
    """Show a log level: its bar and its word."""
    return format_html('<span class="level tone-{0}">{0}</span>', name)


@register.filter
def tone_icon(tone: str) -> str:
    """The icon of a banner or toast of this tone."""
    return states.TONE_ICONS.get(tone, "info")


@register.filter
def message_tone(tags: str) -> str:
    """The tone of a Django message by its tags."""
    for tag, tone in (("error", "error"), ("warning", "warn"), ("success", "ok")):
        if tag in tags.split():
            return tone
    return "info"


@register.filter
@stringfilter
def initials(name: str) -> str:
    """Two letters for a person or organisation: "Ada Lovelace" and "ada.lovelace@example.org" give AL."""
    words = name.split("@", maxsplit=1)[0].replace(".", " ").replace("_", " ").replace("-", " ").split()
    if not words:
        return "?"
    second = words[-1][0] if len(words) > 1 else words[0][1:2]
    return (words[0][0] + second).upper()


@register.filter
@stringfilter
def avatar_hue(name: str) -> int:
    """A number below six that stays with the name."""
    return zlib.crc32(name.encode()) % _AVATAR_HUES


@register.filter
def compact(number: float | None) -> str:
    """Say a count in at most four characters: 950, 1.2k, 34k, 5.6M."""
    if number is None:
        return ""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit * 0.9995:
            scaled = number / limit
            return f"{scaled:.0f}{unit}" if abs(scaled) >= 9.95 else f"{scaled:.1f}{unit}".replace(".0", "")
    return f"{number:.0f}"


@register.inclusion_tag("components/histogram.html")
def histogram(chart: charts.Chart, label: str) -> dict[str, Any]:
    """Draw a chart that `charts.stacked_histogram` made; `label` says what it shows."""
    return {"chart": chart, "label": label}


@register.inclusion_tag("components/sparkline.html")
def sparkline(buckets: Sequence[charts.Bucket], label: str) -> dict[str, Any]:
    """Draw buckets small, without axes; `label` says what they show."""
    return {"chart": charts.sparkline(buckets), "label": label}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
