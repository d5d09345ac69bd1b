"""What the frame of every page needs: navigation, theme, zone. Reads the request only, never the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest

from pulseops.core.extensions import NAV
from pulseops.core.routes import address
from pulseops.core.ui import times
from pulseops.core.web import preferences, timezones

_LONGEST_HERE = 500  # characters


@dataclass(frozen=True, slots=True)
class NavLink:
    """An entry as one request sees it."""

    label: str
    url: str
    icon: str
    is_current: bool
    key: str = ""


class Frame:
    """The frame of one request; each part is made when a template first asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def nav(self) -> list[NavLink]:
        """The places of the bar; empty for users without an organisation."""
        return self._links(settings=False) if self._membership else []

    @cached_property
    def settings_nav(self) -> list[NavLink]:
        """The settings, for admins only."""
        return self._links(settings=True) if getattr(self._membership, "role", None) == "admin" else []

    @cached_property
    def theme(self) -> str:
        """One of `preferences.THEMES`."""
        return preferences.theme(self.request)

    @cached_property
    def zone(self) -> timezones.ReaderZone:
        """The zone that times are shown in."""
        result: timezones.ReaderZone | None = getattr(self.request, "zone", None)
        return result or timezones.reader_zone(self.request)

    @cached_property
    def zone_label(self) -> str:
        """That zone's short name as it is now."""
        return times.zone_label()

    @cached_property
    def here(self) -> str:
        """This page's address, where switches come back to; `tz` is left out, or the zone switch would do nothing.

        Empty where it is long: a page says it several times, and `safe_next` knows it otherwise.
        """
        if self.request.method != "GET":
            return "/"
        query = self.request.GET.copy()
        query.pop(timezones.CHOICE_COOKIE, None)
        result = self.request.path + (f"?{query.urlencode()}" if query else "")
        return result if len(result) <= _LONGEST_HERE else ""

    @property
    def _membership(self) -> Any:
        return getattr(self.request, "membership", None)

    def _links(self, *, settings: bool) -> list[NavLink]:
        links = []
        for entry in sorted(NAV, key=lambda each: each.place):
            url = address(entry.url_name) if entry.settings == settings else ""
            if url:
                places = filter(None, (url, entry.beside and address(entry.beside)))
                is_current = any(_is_within(self.request.path, place) for place in places)
                links.append(NavLink(entry.label, url, entry.icon, is_current, entry.key))
        return links


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Give templates `frame`."""
    return {"frame": Frame(request)}


def _is_within(path: str, url: str) -> bool:
    return path == url or path.startswith(url.rstrip("/") + "/")
