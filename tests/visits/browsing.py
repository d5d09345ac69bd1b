"""What a browser finds wrong with a page: on its console, by axe in light and dark, and on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page, Response

from tests.support.chromium import errors_on_console, pixels_too_wide, serious_findings

_NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
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


def look_at(context: BrowserContext, url: str, *, themes: Sequence[str] = THEMES, on_phone: bool = True) -> Sight:
    """Open `url` in a tab of its own, and look at it in each of `themes` and on a phone, without loading it again."""
    page = context.new_page()
    try:
        return _look(page, url, themes, on_phone=on_phone)
    finally:
        page.close()


def _look(page: Page, url: str, themes: Sequence[str], *, on_phone: bool) -> Sight:
    console = errors_on_console(page)
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(f"{request.url} failed"))
    page.on("response", lambda each: failed.append(f"{each.url} is {each.status}") if _is_missing(each) else None)
    page.set_viewport_size(DESK)
    response = page.goto(url)
    axe: list[str] = []
    for theme in themes:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        axe += [f"axe, {theme}: {each}" for each in serious_findings(page)]
    too_wide = 0
    if on_phone:
        page.set_viewport_size(PHONE)
        page.evaluate(_NEXT_FRAME)  # in the first after it texts may not be wrapped yet
        too_wide = pixels_too_wide(page)
    return Sight(response.status if response else 0, [*console, *failed], axe, too_wide)


def _is_missing(response: Response) -> bool:
    """Return whether what a page is made of is not there; its own status is for others to judge."""
    return response.status >= 400 and response.request.resource_type != "document"
