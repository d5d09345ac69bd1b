"""In which zone a reader sees times: UTC or their own, by two cookies and the `tz` of a link.

`tz` says which of the two they chose; `tzname` is the zone of their machine, written by static/js/zone.js, because no
header tells it. Until that is known, and for a name no one knows, times are in UTC.

What a page fetches for itself names the page's zone (X-Page-Zone): its times stand beside others, and meanwhile the
reader's zone may have become known, or another tab may have switched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

CHOICES = ("local", "utc")
CHOICE_COOKIE, NAME_COOKIE = "tz", "tzname"


@dataclass(frozen=True, slots=True)
class ReaderZone:
    """The zone of one request; `own` is the reader's IANA zone, None while unknown."""

    choice: str
    own: ZoneInfo | None

    @property
    def active(self) -> ZoneInfo:
        """The zone that times are shown in."""
        return ZoneInfo("UTC") if self.choice == "utc" or self.own is None else self.own

    @property
    def other_choice(self) -> str:
        """What the switch switches to."""
        return "local" if self.choice == "utc" else "utc"


class ReaderZoneMiddleware:
    """Activate the reader's zone for the request and put it at `request.zone`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = reader_zone(request)
        request.zone = zone  # type: ignore[attr-defined]
        with timezone.override(zone.active):
            return self.get_response(request)


def reader_zone(request: HttpRequest) -> ReaderZone:
    """Read the zone from the link's `tz`, else that of the page which asks, else the cookies."""
    choice = request.GET.get(CHOICE_COOKIE) or request.COOKIES.get(CHOICE_COOKIE, "")
    page = _zone(request.headers.get("X-Page-Zone", ""))
    if page and CHOICE_COOKIE not in request.GET:
        return (
            ReaderZone(choice if choice in CHOICES else "local", None)
            if page.key == "UTC"
            else ReaderZone("local", page)
        )
    own = _zone(request.COOKIES.get(NAME_COOKIE, ""))
    return ReaderZone(choice if choice in CHOICES else "local", own)


def _zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in _names() else None


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
