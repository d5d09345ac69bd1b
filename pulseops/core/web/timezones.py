"""In which zone a reader sees times: UTC or their own, by the `tz` of a link, their account and two cookies.

`tz` says which of the two they chose; `tzname` is their own zone. The account has both if its user chose them. For
everyone else the cookies count: `tz`, which an account without a choice takes over once, and `tzname`, the zone of the
machine, written by static/js/zone.js, because no header tells it. Until that is known, and for a name no one knows,
times are in UTC.

What a page fetches for itself names the page's zone (X-Page-Zone): its times stand beside others, and meanwhile the
reader's zone may have become known, or another tab may have switched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from pulseops.core.web.account_choices import account_of

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
        zone = reader_zone(request, _choices_of(request))
        request.zone = zone  # type: ignore[attr-defined]
        with timezone.override(zone.active):
            return self.get_response(request)


def _choices_of(request: HttpRequest) -> dict[str, str]:
    """Return what the account has of both, once it has taken over what its browser was told."""
    account = account_of(request)
    if account is None:
        return {}
    cookie = request.COOKIES.get(CHOICE_COOKIE, "")
    if cookie in CHOICES and not account.preference(CHOICE_COOKIE) and request.method == "GET":
        account.keep_preferences({CHOICE_COOKIE: cookie})
    return {name: account.preference(name) for name in (CHOICE_COOKIE, NAME_COOKIE)}


def reader_zone(request: HttpRequest, account: Mapping[str, str] | None = None) -> ReaderZone:
    """Read the zone from the link's `tz`, else that of the page which asks, else account and cookies."""
    said = {**request.COOKIES, **{name: value for name, value in (account or {}).items() if value}}
    choice = request.GET.get(CHOICE_COOKIE) or said.get(CHOICE_COOKIE, "")
    page = _zone(request.headers.get("X-Page-Zone", ""))
    if page and CHOICE_COOKIE not in request.GET:
        return (
            ReaderZone(choice if choice in CHOICES else "local", None)
            if page.key == "UTC"
            else ReaderZone("local", page)
        )
    own = _zone(said.get(NAME_COOKIE, ""))
    return ReaderZone(choice if choice in CHOICES else "local", own)


def _zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in zone_names() else None


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all zones that times can be shown in."""
    return frozenset(available_timezones())
