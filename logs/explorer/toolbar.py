"""The links and hidden fields around the list: ranges, switches, where a form keeps the rest of the page's state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from logs.cursor import EARLIEST, LogCursor
from logs.explorer import time_range
from logs.explorer.packed import packed
from logs.explorer.state import DEFAULTS, LONGEST_LINK, OLDEST, ExplorerState
from logs.search.dialects import translated
from logs.search.printer import print_query
from logs.search.tree import Everything
from pulseops.core.routes import address
from pulseops.core.ui import times
from pulseops.core.web.timezones import ReaderZone

OFFERED_COLUMNS = ("service", "env", "trace", "request")  # those of the table; the JSON's are offered beside the rows
_LONGEST_GOOD = 1_000  # characters of a query that is shown again if the next one has a mistake
_LONGEST_OF_RULE = 1_000  # characters that a rule keeps
_MISTAKE_SHOWN = 60  # characters of the query on either side of a mistake


@dataclass(frozen=True, slots=True)
class Preset:
    """A range to choose."""

    words: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column to choose: the page with or without it, and with it one place further to the left where that can be."""

    name: str
    url: str
    is_shown: bool
    left_url: str

    @property
    def left_label(self) -> str:
        """What the button says that moves it."""
        return f"Move {self.name} left"


@dataclass(frozen=True, slots=True)
class Controls:
    """What the templates ask about the page's state. `zone` is in which the reader sees times, and why."""

    explorer: ExplorerState
    zone: ReaderZone

    @property
    def good(self) -> str:
        """The query that is shown, which after a mistake is the last good one."""
        return print_query(self.explorer.node) if self.explorer.node is not None else ""

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the search form carries along; `good` is what is shown again if the next query has a mistake."""
        kept = [(name, value) for name, value in self.explorer.params().items() if name != "q"]
        is_kept = self.explorer.node is not None and len(self.good) <= _LONGEST_GOOD
        return [*kept, ("good", self.good)] if is_kept else kept

    @property
    def packed(self) -> str:
        """What any other form carries along: the page, as `packed.with_page` reads it."""
        return packed(self.explorer.params())

    @property
    def presets(self) -> list[Preset]:
        """The ranges to choose from."""
        since = self.explorer.since or time_range.DEFAULT_FROM
        is_preset = not self.explorer.until
        return [
            Preset(words, self.explorer.url(since=self.explorer.said("from", value), to=None),
                   is_preset and value == since)
            for value, words in time_range.PRESETS
        ]  # fmt: skip

    @property
    def days(self) -> list[Preset]:
        """Today and yesterday in the reader's zone."""
        today = times.local_midnight(self.explorer.now)
        yesterday = times.local_midnight(today - timedelta(hours=1))
        said = self.explorer.range.start, self.explorer.range.end
        return [
            Preset("Today", self.explorer.url(since=times.to_url(today), to=None),
                   self.explorer.range.is_open and said[0] == today),
            Preset("Yesterday", self.explorer.url(since=times.to_url(yesterday), to=times.to_url(today)),
                   said == (yesterday, today)),
        ]  # fmt: skip

    @property
    def whole_url(self) -> str:
        """The same page with all counted before it is shown, for a reader whose browser runs no script."""
        return self.explorer.url(whole="1")

    @property
    def earlier_url(self) -> str:
        """A range as long as this one, right before it."""
        start, end = self.explorer.range.start, self.explorer.range.end
        return self.explorer.url(since=times.to_url(max(start - (end - start), EARLIEST)), to=times.to_url(start))

    @property
    def later_url(self) -> str:
        """A range as long as this one, right after it; empty where that is the future."""
        start, end = self.explorer.range.start, self.explorer.range.end
        if self.explorer.range.is_open or end >= self.explorer.now:
            return ""
        return self.explorer.url(since=times.to_url(end), to=times.to_url(end + (end - start)))

    @property
    def range_words(self) -> str:
        """Say the range: "Last hour", "17 Mar 08:00 to 09:30"."""
        chosen = next((preset.words for preset in self.presets if preset.is_current), "")
        if chosen:
            return chosen
        if self.explorer.range.is_open:
            length = times.duration((self.explorer.range.end - self.explorer.range.start).total_seconds())
            return f"Last {length}"
        return f"{_short(self.explorer.range.start)} to {_short(self.explorer.range.end, self.explorer.range.start)}"

    @property
    def is_zone_mixed(self) -> bool:
        """Whether the reader's zone changes its name within the range, as it does when summer time begins or ends."""
        return times.zone_label(self.explorer.range.start) != self.end_zone

    @property
    def end_zone(self) -> str:
        """How the reader's zone is called at the end of the range."""
        return times.zone_label(self.explorer.range.end)

    @property
    def start_local(self) -> str:
        """`from` as someone would type it."""
        if not self.explorer.since:
            return time_range.DEFAULT_FROM
        return self.explorer.since if self.explorer.since.startswith("-") else _typed(self.explorer.range.start)

    @property
    def end_local(self) -> str:
        """`to` as someone would type it."""
        if self.explorer.range.is_open or self.explorer.until.startswith("-"):
            return self.explorer.until
        return _typed(self.explorer.range.end)

    @property
    def reset_url(self) -> str:
        """The page without a query."""
        return self.explorer.with_query(Everything())

    @property
    def newest_url(self) -> str:
        """The first page of the list."""
        return self.explorer.url()

    @property
    def wrap_url(self) -> str:
        """Long lines wrapped, or not."""
        return self.explorer.url(wrap=self.explorer.said("wrap", "0" if self.explorer.is_wrapped else "1"))

    @property
    def density_url(self) -> str:
        """Rows compact, or not."""
        return self.explorer.url(
            density=self.explorer.said("density", "normal" if self.explorer.is_compact else "compact")
        )

    @property
    def order_url(self) -> str:
        """The oldest row first, or the newest."""
        return self.explorer.url(order=None if self.explorer.is_oldest_first else OLDEST)

    @property
    def zoom_out_url(self) -> str:
        """Three times the range, this one in its middle; up to now where there is no later."""
        start, end = self.explorer.range.start, self.explorer.range.end
        length = end - start
        wider_end = end + length
        is_open = self.explorer.range.is_open or wider_end >= self.explorer.now
        wider = times.to_url(max(start - length * (2 if is_open else 1), EARLIEST))
        return self.explorer.url(since=wider, to=None if is_open else times.to_url(wider_end))

    @property
    def live_url(self) -> str:
        """The page following what comes in; or, while it does, not any more."""
        is_live = self.explorer.is_live
        return self.explorer.url(to=None, order=None, live=None if is_live else "1")

    @property
    def frozen_url(self) -> str:
        """An address that shows the same rows of the same time to everybody, whenever they open it.

        Who has chosen UTC passes that on as well; who has not leaves everybody their own zone.
        """
        return self.explorer.frozen_url(tz="utc" if self.zone.choice == "utc" else "")

    @property
    def frozen_place(self) -> str:
        """That address; where it is long, without the query, which a script adds: the page has it once."""
        tz = "utc" if self.zone.choice == "utc" else ""
        url = self.explorer.frozen_url(tz)
        return url if len(url) <= LONGEST_LINK else self.explorer.frozen_url(tz, has_query=False)

    @property
    def columns(self) -> list[Column]:
        """The columns beside the message: those that are shown, in their order, then others."""
        shown = self.explorer.columns
        names = dict.fromkeys([*shown, *OFFERED_COLUMNS])
        return [
            Column(
                name,
                self.explorer.with_columns(_switched(shown, name)),
                name in shown,
                self.explorer.with_columns(_moved(shown, at)) if 0 < at < len(shown) else "",
            )
            for at, name in enumerate(names)
        ]

    @property
    def preferences(self) -> list[tuple[str, str]]:
        """What of this page can be kept for the reader's next visit."""
        return [(name, self.explorer.params().get(name, "")) for name in DEFAULTS]

    @property
    def start_address(self) -> str:
        """The address after which a page without rows follows."""
        return str(LogCursor(self.explorer.now - timedelta(seconds=5), 0))

    @property
    def exports(self) -> list[tuple[str, str]]:
        """What can be taken away, and where."""
        page = self.explorer.url(
            since=times.to_url(self.explorer.range.start),
            to=None if self.explorer.range.is_open else times.to_url(self.explorer.range.end),
        )
        base = page.replace(reverse("logs:explorer"), reverse("logs:export"), 1)
        return [(label, f"{base}&format={form}") for label, form in (("NDJSON", "ndjson"), ("CSV", "csv"))]

    @property
    def rule_url(self) -> str:
        """Where an alert rule of this search is made; empty where there are no rules, or none could hold the query."""
        place = address("alerts:create") if 0 < len(self.good) <= _LONGEST_OF_RULE else ""
        return f"{place}?{urlencode({'query': self.good})}" if place else ""

    @property
    def translation(self) -> tuple[str, str] | None:
        """The query as it is written here, if it looks like another tool's, and the page of that."""
        written = translated(self.explorer.q)
        return (written, self.explorer.url(q=written)) if written else None

    @property
    def mistake_parts(self) -> tuple[str, str, str]:
        """The query before, at and after the mistake."""
        mistake, query = self.explorer.mistake, self.explorer.q
        if mistake is None:
            return "", "", ""
        before, at, behind = query[: mistake.start], query[mistake.start : mistake.end], query[mistake.end :]
        before = "…" + before[-_MISTAKE_SHOWN:] if len(before) > _MISTAKE_SHOWN else before
        cut = at if len(at) <= _MISTAKE_SHOWN else at[:_MISTAKE_SHOWN] + "…"
        return before, cut, behind[:_MISTAKE_SHOWN]


def _switched(shown: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(each for each in shown if each != name) if name in shown else (*shown, name)


def _moved(shown: tuple[str, ...], at: int) -> tuple[str, ...]:
    return (*shown[: at - 1], shown[at], shown[at - 1], *shown[at + 1 :])


def _typed(moment: datetime) -> str:
    local = timezone.localtime(moment)
    if times.is_doubled(moment):
        return local.isoformat(sep=" ", timespec="microseconds" if local.microsecond else "seconds")
    text = f"{local:%Y-%m-%d %H:%M:%S}" if local.second or local.microsecond else f"{local:%Y-%m-%d %H:%M}"
    return text + (f".{local.microsecond:06d}".rstrip("0") if local.microsecond else "")


def _short(moment: datetime, beside: datetime | None = None) -> str:
    local = timezone.localtime(moment)
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    is_same_day = beside is not None and timezone.localtime(beside).date() == local.date()
    clock = f"{clock} {times.zone_label(moment)}" if times.is_doubled(moment) else clock
    is_old = abs(timezone.now() - moment) > timedelta(days=300)
    return clock if is_same_day else f"{local.day} {local:%b %Y}" if is_old else f"{local.day} {local:%b} {clock}"
