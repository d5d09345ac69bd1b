"""What the explorer's URL says, and how to write the URL of a page that differs from this one in something."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import quote, urlencode

from django.http import QueryDict
from django.utils import timezone

from logs.cursor import LogCursor, microseconds, moment
from logs.explorer.time_range import DEFAULT_FROM, TimeRange, read_range
from logs.search.errors import QuerySyntaxError
from logs.search.parser import parse
from logs.search.printer import print_query
from logs.search.rewrite import with_term
from logs.search.tree import Everything, Node, terms
from pulseops.core.routes import page_address
from pulseops.core.ui.times import to_url
from pulseops.core.web.numbers import whole_number

LASTING = ("q", "from", "to", "cols", "wrap", "density")  # what a saved view keeps of a URL
DEFAULT_COLUMNS = ("service", "env")
DEFAULTS = {"from": DEFAULT_FROM, "cols": ",".join(DEFAULT_COLUMNS), "wrap": "0", "density": "normal"}
PARAMETERS = ("q", "from", "to", "cols", "wrap", "density", "order", "tz", "live", "before", "at", "row", "whole")
OLDEST = "oldest"
LONGEST_LINK = 300  # characters of an address that some forty links of a page may repeat
_MOST_COLUMNS = 8
_LONGEST_COLUMN = 80  # characters


@dataclass(frozen=True, slots=True)
class ExplorerState:
    """The state of one explorer page.

    `node` is what is searched: the query `q`, or after a mistake in it the last good one, `good`; None when there is
    neither. `pinned` is the moment that relative ranges count from while someone pages, so that no row slips away.
    `chosen` names what the reader has a default of their own for: addresses say these even where they are as usual.
    """

    q: str
    node: Node | None
    mistake: QuerySyntaxError | None
    since: str
    until: str
    range: TimeRange
    now: datetime
    columns: tuple[str, ...]
    row: LogCursor | None
    before: LogCursor | None
    pinned: datetime | None
    is_live: bool
    is_whole: bool  # all is counted before the page is shown, for a reader without a script
    is_oldest_first: bool  # the newest rows that one page holds, with the time from one to the next
    is_wrapped: bool
    is_compact: bool
    tz: str
    problems: tuple[str, ...]
    chosen: frozenset[str] = frozenset()

    @classmethod
    def read(cls, given: QueryDict, now: datetime | None = None, chosen: Collection[str] = ()) -> Self:
        """Read the URL's parameters; whatever cannot be read becomes a problem to show, never an error."""
        now = now or timezone.now()
        problems: list[str] = []
        pinned = _pinned(given.get("at", ""), now)
        node, mistake = _read_query(given.get("q", ""), given.get("good"))
        time_range = read_range(given.get("from", ""), given.get("to", ""), now=pinned or now)
        return cls(
            q=given.get("q", ""),
            node=node,
            mistake=mistake,
            since=given.get("from", ""),
            until=given.get("to", ""),
            range=time_range,
            now=pinned or now,
            columns=_columns(given.get("cols")),
            row=_address(given, "row", problems),
            before=_address(given, "before", problems),
            pinned=pinned,
            is_live=given.get("live") == "1",
            is_whole=given.get("whole") == "1",
            is_oldest_first=given.get("order") == OLDEST and given.get("live") != "1",
            is_wrapped=given.get("wrap") == "1",
            is_compact=given.get("density") == "compact",
            tz=given.get("tz", ""),
            problems=(*time_range.problems, *problems),
            chosen=frozenset(chosen),
        )

    @property
    def is_long(self) -> bool:
        """Whether the range is over a day, so that rows need their date."""
        return self.range.end - self.range.start > timedelta(hours=24)

    def params(self) -> dict[str, str]:
        """The parameters that last: without the open row, the page of the list and live."""
        since = self.since or ("" if self.until else DEFAULT_FROM)
        said = {
            "q": print_query(self.node) if self.node is not None else "",
            "from": self.said("from", since),
            "to": self.until,
            "cols": self.said("cols", _written_columns(self.columns)),
            "wrap": self.said("wrap", "1" if self.is_wrapped else "0"),
            "density": self.said("density", "compact" if self.is_compact else "normal"),
            "order": OLDEST if self.is_oldest_first else "",
            "tz": self.tz,
        }
        return {name: value for name, value in said.items() if value}

    def said(self, name: str, value: str) -> str | None:
        """Return `value` as an address says it: None where nothing needs to be said for it to hold."""
        return value if value != DEFAULTS[name] or name in self.chosen else None

    def with_columns(self, columns: Iterable[str]) -> str:
        """Return the address of the same page with these columns beside the message."""
        return self.url(cols=self.said("cols", _written_columns(columns)))

    def url(self, **changes: str | None) -> str:
        """Return this page's address with `changes`; None drops one. `since` stands for the parameter `from`."""
        if "since" in changes:
            changes["from"] = changes.pop("since")
        said: dict[str, str | None] = {**self.params(), **changes}
        kept = {name: value for name in PARAMETERS if (value := said.get(name))}
        return page_address("logs:explorer") + ("?" + urlencode(kept, quote_via=quote, safe=":,-*/") if kept else "")

    def with_query(self, node: Node) -> str:
        """Return the address of the same page for another query."""
        return self.url(q=print_query(node))

    def with_added(self, text: str) -> str:
        """Return the address of the same page for what its query and the query `text` both find."""
        try:
            added = parse(text)
        except QuerySyntaxError:
            return self.url()
        node = self.node or Everything()
        for term in terms(added):
            node = with_term(node, term)
        return self.with_query(node)

    def refused(self, reason: str) -> Self:
        """Return the page without a search: the database cannot run this one, for the `reason` that it gives."""
        hint = f"PostgreSQL says: {reason}. Ask for less at once."
        return replace(self, node=None, mistake=QuerySyntaxError(0, len(self.q), "This cannot be searched.", hint))

    def closed_url(self) -> str:
        """Return the address of this page without the open row."""
        return self.url(**self._place())

    def whole_url(self) -> str:
        """Return the address of this page with everything that it shows."""
        said = {"row": str(self.row) if self.row else "", "live": "1" if self.is_live else ""}
        return self.url(**self._place(), **said)

    def older_url(self, after: LogCursor) -> str:
        """Return the address of what comes behind `after`; relative ranges stop moving there."""
        return self.url(before=str(after), at=str(microseconds(self.now)))

    def frozen_url(self, tz: str = "", *, has_query: bool = True) -> str:
        """Return an address that shows the same time to everybody, whenever they open it, in the zone `tz` if given."""
        said = {"row": str(self.row) if self.row else "", "before": str(self.before) if self.before else ""}
        return self.url(
            since=to_url(self.range.start),
            to=to_url(self.range.end),
            **said,
            tz=tz or self.tz,
            **({} if has_query else {"q": None}),
        )

    def _place(self) -> dict[str, str]:
        said = {"before": str(self.before)} if self.before else {}
        return said | ({"at": str(microseconds(self.pinned))} if self.pinned else {})


def _read_query(query: str, good: str | None) -> tuple[Node | None, QuerySyntaxError | None]:
    try:
        return parse(query), None
    except QuerySyntaxError as mistake:
        if good is None:
            return None, mistake
        try:
            return parse(good), mistake
        except QuerySyntaxError:
            return None, mistake


def _address(given: QueryDict, name: str, problems: list[str]) -> LogCursor | None:
    text = given.get(name, "")
    address = LogCursor.read(text) if text else None
    if text and address is None:
        what = "the place in the list" if name == "before" else "the log to open"
        problems.append(f"The link's address of {what} is damaged, so it was ignored.")
    return address


def _pinned(text: str, now: datetime) -> datetime | None:
    number = whole_number(text)
    result = None if number is None else moment(number)
    return result if result and datetime(1970, 1, 1, tzinfo=UTC) <= result <= now else None


def _columns(text: str | None) -> tuple[str, ...]:
    if not text:
        return DEFAULT_COLUMNS
    if text == "none":
        return ()
    names = [name.strip()[:_LONGEST_COLUMN].replace("\x00", "") for name in text.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))[:_MOST_COLUMNS]


def _written_columns(columns: Iterable[str]) -> str:
    return ",".join(name.replace(",", " ") for name in columns) or "none"
