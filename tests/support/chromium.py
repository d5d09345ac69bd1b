"""The machine's Chromium, and what can be told of a page in it; knows nothing of Django."""

from __future__ import annotations

import shutil

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page

from tests.support.waiting import wait_until

CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--renderer-process-limit=1",
]
SERIOUS = {"serious", "critical"}


def found_chromium() -> str | None:
    """Return the path of the machine's own, None to use the one that Playwright downloads."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


# That an address was answered 403 or 422 is what was asked for; a request ends unanswered when its page is left.
_NO_ERRORS = ("Failed to load resource", "htmx:sendAbort", "htmx:sendError", "htmx:afterRequest")


def errors_on_console(page: Page) -> list[str]:
    """Return a list to which the page's script errors are added, and what else stands on its console as an error."""
    told: list[str] = []

    def note(said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith(_NO_ERRORS):
            told.append(said.text)

    page.on("console", note)
    page.on("pageerror", lambda error: told.append(str(error)))
    return told


# Nothing on its way: no answer awaited, nothing fading. What turns forever (a busy sign) is not waited for.
SETTLED = """
    () => !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling") &&
          document.getAnimations().every((animation) =>
            animation.playState !== "running" || animation.effect.getComputedTiming().endTime === Infinity)
"""


def wait_until_settled(page: Page) -> None:
    """Wait until the page shows what it means to show: half faded in, every text has too little contrast."""
    wait_until(lambda: page.evaluate(SETTLED), told=f"{page.url} does not come to rest")


# The contrast of a text costs more than all other rules together, and depends on how the text and what lies behind it
# look: of those that look alike the first is judged. (A table of a thousand cells has three looks.) A rule's impact is
# that of all it finds (axe's own: `rule.impact`), so rules whose findings are no one's here are not run.
# Axe's preload would put copies of our stylesheets into the page, which the CSP refuses.
_JUDGED = """async (serious) => {
    const behind = (of) => [of.backgroundColor, of.backgroundImage, of.opacity, of.position, of.filter].join();
    const letters = (of) => [of.color, of.fontSize, of.fontWeight, of.textShadow, of.display].join();
    const grounds = new Map(), numbers = new Map();  // alike backgrounds have one number
    const ground = (element) => {
        if (!element) return 0;
        if (!grounds.has(element)) {
            const look = `${ground(element.parentElement)};${behind(getComputedStyle(element))}`;
            if (!numbers.has(look)) numbers.set(look, numbers.size + 1);
            grounds.set(element, numbers.get(look));
        }
        return grounds.get(element);
    };
    const looks = new Map();
    for (const element of document.querySelectorAll("body *")) {
        const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!text && !element.matches("input, select, textarea")) continue;
        const look = `${ground(element)};${letters(getComputedStyle(element))}`;
        if (!looks.has(look)) looks.set(look, element);
    }
    const spared = axe._audit.rules.filter(({ impact }) => impact && !serious.includes(impact));
    const others = ["color-contrast", ...spared.map((rule) => rule.id)];
    const rules = Object.fromEntries(others.map((id) => [id, { enabled: false }]));
    const options = { preload: false, resultTypes: ["violations"] };
    const found = await axe.run(document, { ...options, rules });
    if (!looks.size) return found.violations;
    const contrast = await axe.run([...looks.values()], { ...options, runOnly: ["color-contrast"] });
    return [...found.violations, ...contrast.violations];
}"""


def serious_findings(page: Page) -> list[str]:
    """Let axe look at the page once it is at rest; returns what is serious."""
    wait_until_settled(page)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(_JUDGED, sorted(SERIOUS))
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"][:3]
    ]


def pixels_too_wide(page: Page) -> int:
    """Return by how much the page scrolls sideways; 0 when it fits."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
