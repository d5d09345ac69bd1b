"""Which browser on which system a session is, as well as its user agent tells."""

from __future__ import annotations

import re

# The first that matches wins: every browser claims to be the ones that were there before it.
_BROWSERS = (
    ("Edge", r"Edg(e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Safari/"),
    ("curl", r"^curl/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("ChromeOS", r"CrOS"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)


def name(user_agent: str) -> str:
    """Say a user agent in words: "Firefox on Windows"; "Unknown browser" for what no one knows."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Unknown browser"


def _first(table: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((label for label, pattern in table if re.search(pattern, user_agent)), "")
