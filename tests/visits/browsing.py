"""What a browser finds wrong with a page: on its console, by axe in light and dark, and on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import ConsoleMessage, Page

from tests.chromium import pixels_too_wide, serious_findings

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}  # CSS pixels
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Sight:
    """`console` and `axe` are in words; `too_wide` is in pixels of a phone's page."""

    status: int
    console: list[str]
    axe: list[str]
    too_wide: int = 0

    @property
    def faults(self) -> list[str]:
        """What is wrong, in words."""
        wide = [f"{self.too_wide} px too wide for a phone"] if self.too_wide > 0 else []
        return [*(f"console: {each}" for each in self.console), *self.axe, *wide]


def look_at(page: Page, url: str, *, themes: Sequence[str] = THEMES, on_phone: bool = True) -> Sight:
    """Go to `url`, and look at it in each of `themes` and on a phone; none of it loads the page again."""
    console: list[str] = []

    def note(said: ConsoleMessage) -> None:
        # That the page itself was answered 403 or 404 is told there, too; it is what was asked for.
        if said.type == "error" and said.location.get("url") != page.url:
            console.append(said.text)

    def note_error(error: object) -> None:
        console.append(str(error))

    page.on("console", note)
    page.on("pageerror", note_error)
    page.set_viewport_size(DESK)
    response = page.goto(url)
    axe: list[str] = []
    for theme in themes:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        axe += [f"axe, {theme}: {each}" for each in serious_findings(page)]
    too_wide = 0
    if on_phone:
        page.set_viewport_size(PHONE)
        too_wide = pixels_too_wide(page)
    page.remove_listener("console", note)
    page.remove_listener("pageerror", note_error)
    return Sight(response.status if response else 0, console, axe, too_wide)
