"""What users choose for all their pages: where they begin, and the zone of times."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from pulseops.core.extensions import NAV
from pulseops.core.routes import address
from pulseops.core.web.timezones import CHOICE_COOKIE, NAME_COOKIE, zone_names

START_PAGE = "start_page"  # the name of a route in the bar
_HOMES = ("dashboard", "services:list", "accounts:orgs")
_NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/")


def start_url(user: User) -> str:
    """Return where `user` begins: the page that they chose, else the first that there is."""
    chosen = user.preference(START_PAGE)
    offered = [name for name, _ in start_pages()]
    return next(filter(None, map(address, [*([chosen] if chosen in offered else []), *_HOMES])), "")


def start_pages() -> list[tuple[str, str]]:
    """Return the places of the bar, by their routes and labels."""
    entries = sorted((entry for entry in NAV if not entry.settings), key=lambda entry: entry.place)
    return [(entry.url_name, entry.label) for entry in entries]


class PreferencesForm(forms.Form):
    """Where a user begins, and in which zone they see times."""

    start_page = forms.ChoiceField(label="Start page", help_text="What you see after signing in.")
    zone = forms.ChoiceField(
        label="Time zone", required=False, help_text="Of all times on pages, whichever browser you use."
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data, initial=_initial(user))
        self.user = user
        places = sorted(name for name in zone_names() if "/" in name and not name.startswith(_NO_PLACES))
        self.fields["start_page"].choices = start_pages()  # type: ignore[attr-defined]
        self.fields["zone"].choices = [("", "That of the browser"), ("UTC", "UTC"), *((each, each) for each in places)]  # type: ignore[attr-defined]

    def save(self) -> None:
        """Keep what was chosen."""
        zone = self.cleaned_data["zone"]
        chosen = {CHOICE_COOKIE: "utc"} if zone == "UTC" else {CHOICE_COOKIE: "local", NAME_COOKIE: zone}
        self.user.keep_preferences({START_PAGE: self.cleaned_data["start_page"], **chosen})


def _initial(user: User) -> dict[str, str]:
    is_utc = user.preference(CHOICE_COOKIE) == "utc"
    return {
        "start_page": user.preference(START_PAGE) or _HOMES[0],
        "zone": "UTC" if is_utc else user.preference(NAME_COOKIE),
    }
