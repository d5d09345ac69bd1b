"""Take pictures of every page of a running PulseOps, in every width and look, as contact sheets to be looked at.

    PULSEOPS_DATA_DIR=/tmp/pictures PORT=8010 python3 manage.py up      # with the demo, in another terminal
    PULSEOPS_DATA_DIR=/tmp/pictures PORT=8010 .venv/bin/python tools/contact_sheets.py --out /tmp/sheets

For other data give --email and --password of a user there: of an organisation that is empty, or of one at size
(tests/support/at_size.py fills one). --looks and --widths take fewer. One sheet for each look and width.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from screenshots import CHROMIUM, FLAGS, read_options, sign_in

WIDTHS = (1440, 1024, 390)  # CSS pixels
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
    "zoomed": {"color_scheme": "light", "device_scale_factor": 2},  # to 200 %: half as many CSS pixels
}
PUBLIC = ("/", "/login", "/signup", "/account/reset")
PAGES = (
    "/dashboard", "/logs", "/logs?q=level:error&from=-24h", "/logs?q=nothing-is-called-so", "/logs?q=level:(",
    "/logs/views/all", "/incidents", "/incidents?state=all", "/incidents/new", "/deployments", "/deployments/connect",
    "/alerts", "/alerts/new", "/services", "/services/new", "/search?q=check", "/orgs", "/orgs/members",
    "/orgs/settings", "/settings/notifications", "/settings/notifications/new", "/settings/audit",
    "/settings/diagnostics", "/settings/escalation", "/account", "/account/sessions", "/docs", "/docs/search",
    "/no-such-page",
)  # fmt: skip
LISTS = ("/incidents?state=all", "/deployments", "/alerts", "/services")  # whose first row's page is taken, too
_FIRST = ".row-link, .rollout__title"


def main() -> None:
    """Sign in, take all pictures and lay out a sheet of each look and width."""
    options = read_options(_arguments())
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        state = sign_in(browser, options)
        try:
            for look in options.looks:
                for width in options.widths:
                    print(_sheet(browser, options.url, state, out, look, width))
        finally:
            state.unlink(missing_ok=True)
            browser.close()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="the directory for pictures and sheets")
    parser.add_argument("--looks", type=lambda said: said.split(","), default=list(LOOKS))
    parser.add_argument("--widths", type=lambda said: [int(each) for each in said.split(",")], default=list(WIDTHS))
    return parser


def _sheet(browser: Browser, url: str, state: Path, out: Path, look: str, width: int) -> str:
    """Take all pages in one look and width; returns what was written and which pages are wider than the window."""
    css = width // 2 if look == "zoomed" else width
    shape = {"viewport": {"width": css, "height": 844 if css < 600 else 900}}
    taken, wide = [], []
    for signed_in, paths in ((False, PUBLIC), (True, PAGES)):
        session: dict[str, Any] = {"storage_state": state} if signed_in else {}
        context = browser.new_context(
            base_url=url, timezone_id="UTC", reduced_motion="reduce", **session, **shape, **LOOKS[look]
        )
        page = context.new_page()
        for path in [*paths, *(_firsts(page) if signed_in else ())]:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            name = f"{look}-{width}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-')[:60] or 'landing'}.png"
            page.screenshot(path=out / name)
            taken.append((path, name))
            if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
                wide.append(path)
        context.close()
    sheet = out / f"sheet-{look}-{width}.png"
    _lay_out(browser, out, taken, sheet, css)
    return f"{sheet}: {len(taken)} pages" + (f"; wider than the window: {', '.join(wide)}" if wide else "")


def _firsts(page: Page) -> Iterator[str]:
    for path in LISTS:
        page.goto(path)
        link = page.locator(_FIRST).first
        if link.count():
            yield str(link.get_attribute("href"))


def _lay_out(browser: Browser, out: Path, taken: list[tuple[str, str]], sheet: Path, css: int) -> None:
    columns = 4 if css >= 600 else 8
    figures = "".join(
        f'<figure><img src="{name}"><figcaption>{escape(path)}</figcaption></figure>' for path, name in taken
    )
    index = sheet.with_suffix(".html")
    index.write_text(
        f"<!doctype html><style>body{{display:grid;grid-template-columns:repeat({columns},1fr);gap:12px;margin:12px;"
        f"font:14px sans-serif}}figure{{margin:0}}img{{width:100%;border:1px solid #888}}</style>{figures}",
        encoding="utf-8",
    )
    page = browser.new_page(viewport={"width": 2000, "height": 1200})
    page.goto(index.as_uri())
    page.screenshot(path=sheet, full_page=True)
    page.context.close()


if __name__ == "__main__":
    main()
