"""What a page costs a browser that was never here: bytes, what moves while it loads, and how long a key takes.

The key is pressed with the processor slowed down to a quarter. What else the machine does makes that slower, never
quicker: so of several tries the quickest counts, and where that is still slow, four times the main thread's CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, CDPSession, Page

MOST_KILOBYTES, MOST_MILLISECONDS = 120, 100
MOST_OF_PICTURES = 250  # kilobytes, of a document: they are loaded when they are near, and no one waits for them
MOST_SHIFT = 0  # of CLS, to four digits: a clock that ticks while we look ("9 s ago", "10 s ago") is the fifth
_SLOWDOWN, _TRIES = 4, 3
_OBSERVE = """
    window.pageShift = 0;
    window.keyTimes = [];
    new PerformanceObserver((list) => {
      for (const each of list.getEntries()) if (!each.hadRecentInput) window.pageShift += each.value;
    }).observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver((list) => {
      const keys = list.getEntries().filter((each) => each.name === "keydown");
      window.keyTimes.push(...keys.map((each) => each.processingEnd - each.startTime));
    }).observe({ type: "event", durationThreshold: 16, buffered: true });
"""


@dataclass(frozen=True, slots=True)
class FirstLoad:
    """`kilobytes` over the wire, `shift` as CLS counts it, `milliseconds` from a key to the end of its handlers."""

    kilobytes: float
    pictures: float  # kilobytes of a document's pictures, which are not among the others
    shift: float
    milliseconds: float

    @property
    def faults(self) -> list[str]:
        """What is over its budget, in words."""
        budgets = (
            (self.kilobytes > MOST_KILOBYTES, f"{self.kilobytes:.0f} KB transferred, not {MOST_KILOBYTES}"),
            (self.pictures > MOST_OF_PICTURES, f"{self.pictures:.0f} KB of pictures, not {MOST_OF_PICTURES}"),
            (self.shift > MOST_SHIFT, f"moves by {self.shift:.4f} while it loads"),
            (self.milliseconds > MOST_MILLISECONDS, f"a key takes {self.milliseconds:.0f} ms on a slow processor"),
        )
        return [words for is_over, words in budgets if is_over]


def first_load(browser: Browser, base_url: str, url: str, cookies: Sequence[dict[str, str]]) -> FirstLoad:
    """Open `url` in a browser context of its own, with nothing cached, and press keys there."""
    context = browser.new_context(base_url=base_url, viewport={"width": 1280, "height": 900})
    try:
        context.add_cookies(list(cookies))  # type: ignore[arg-type]
        context.add_init_script(_OBSERVE)
        page = context.new_page()
        protocol = context.new_cdp_session(page)
        sizes: dict[str, float] = {}
        pictures: set[str] = set()
        protocol.on(
            "Network.loadingFinished", lambda each: sizes.update({each["requestId"]: each["encodedDataLength"]})
        )
        protocol.on(
            "Network.requestWillBeSent",
            lambda each: pictures.add(each["requestId"]) if "/docs/images/" in each["request"]["url"] else None,
        )
        protocol.send("Network.enable")
        page.goto(url)
        page.wait_for_load_state("load")
        page.evaluate("document.fonts.ready.then(() => new Promise((done) => setTimeout(done, 150)))")
        shift = round(float(page.evaluate("window.pageShift")), 4)
        shown = sum(size for request, size in sizes.items() if request in pictures) / 1000
        kilobytes = sum(sizes.values()) / 1000 - shown
        return FirstLoad(kilobytes, shown, shift, _slow_key(page, protocol))
    finally:
        context.close()


def _slow_key(page: Page, protocol: CDPSession) -> float:
    """Return how long the quickest of some presses took: "?" opens a list of keys, and Escape closes it."""
    protocol.send("Performance.enable", {"timeDomain": "threadTicks"})
    spent = []
    for _ in range(_TRIES):
        began = _main_thread(protocol)
        _press(page)
        spent.append((_main_thread(protocol) - began) * 1000 * _SLOWDOWN)
    protocol.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWDOWN})  # which itself uses the processor
    took = [_press(page) for _ in range(_TRIES)]
    protocol.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return min(*took, *spent)


def _press(page: Page) -> float:
    """Press the key and return the milliseconds from that to the end of its handlers."""
    page.evaluate("window.keyTimes.length = 0")
    page.keyboard.press("?")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)))")
    took = float(page.evaluate("Math.max(0, ...window.keyTimes)"))
    page.keyboard.press("Escape")
    return took


def _main_thread(protocol: CDPSession) -> float:
    """Return the seconds of the processor that the page's main thread has used for scripts, styles and layout."""
    metrics = {each["name"]: each["value"] for each in protocol.send("Performance.getMetrics")["metrics"]}
    return float(sum(metrics[name] for name in ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")))
