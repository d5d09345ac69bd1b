"""Take the pictures of docs/images from a running PulseOps with the demo data; it starts nothing itself.

    PULSEOPS_DATA_DIR=/tmp/pictures PORT=8010 python3 manage.py up      # a throw-away one, in another terminal
    PULSEOPS_DATA_DIR=/tmp/pictures PORT=8010 make screenshots

The pages are as they are at that moment: take them about seven minutes after `up` was started for the first time, when
the demo's traffic has had its first bad deployment and the incident is open.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "images"
_STATE = OUT / f".signed-in-{os.getpid()}.json"  # of this run: another may be going on
DESK, PHONE = (1440, 900), (390, 844)  # CSS pixels
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome-stable") if (path := shutil.which(name))), None
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, what it shows, and how; `click` selects a link to follow first."""

    name: str
    path: str
    size: tuple[int, int] = DESK
    theme: str = "light"
    click: str = ""


# Searches of the demo are in scripts that not every machine can draw, so no picture shows one.
PICTURES = (
    Picture("dashboard", "/dashboard"),
    Picture("explorer", "/logs?q=level:%3E=warn+-search&from=-4h"),
    Picture("explorer-dark", "/logs?q=service:checkout&from=-6h", theme="dark"),
    Picture("incident", "/incidents?state=resolved", click=".row-link:has-text('checkout')"),
    Picture("deployment", "/deployments", click=".rollout__title[title^='Call the payment']"),
    Picture("dashboard-phone", "/dashboard", size=PHONE, theme="dark"),
)


def main() -> None:
    """Sign in, take every picture, say what was written."""
    options = read_options(
        argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    )
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        state = sign_in(browser, options)
        for picture in PICTURES:
            with _page(browser, options.url, picture, state) as page:
                _take(page, picture)
        browser.close()


def read_options(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line: what `parser` knows, where PulseOps runs, and who signs in there."""
    port = os.environ.get("PORT", "8000")
    parser.add_argument("--url", default=f"http://localhost:{port}", help="of the running PulseOps (%(default)s)")
    parser.add_argument("--email", help="of whom to sign in as; default: the demo's")
    parser.add_argument("--password", help="theirs; default: the demo's, from the data directory")
    options = parser.parse_args()
    if not (options.email and options.password):
        options.email, options.password = _demo()
    return options


def _demo() -> tuple[str, str]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulseops.settings")
    sys.path.insert(0, str(ROOT))
    import django  # noqa: PLC0415  # only where no sign-in was given

    django.setup()
    from pulseops.demo.fill import DEMO_EMAIL, demo_password  # noqa: PLC0415

    password = demo_password()
    if password is None:
        sys.exit("There is no demo in this data directory. Set PULSEOPS_DATA_DIR, or give --email and --password.")
    return DEMO_EMAIL, password


def sign_in(browser: Browser, options: argparse.Namespace) -> Path:
    """Sign in as people do; returns the file that keeps the cookies."""
    page = browser.new_page()
    page.goto(f"{options.url}/login")
    page.locator("input[type=email]").fill(options.email)
    page.locator("input[type=password]").fill(options.password)
    page.locator("main form button[type=submit], main form button:not([type])").first.click()
    page.wait_for_url("**/dashboard")
    state = _STATE
    page.context.storage_state(path=state)
    page.context.close()
    return state


@contextmanager
def _page(browser: Browser, url: str, picture: Picture, state: Path) -> Iterator[Page]:
    width, height = picture.size
    context = browser.new_context(
        base_url=url,
        storage_state=state,
        viewport={"width": width, "height": height},
        device_scale_factor=2 if picture.size == PHONE else 1,
        color_scheme="dark" if picture.theme == "dark" else "light",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def _take(page: Page, picture: Picture) -> None:
    page.goto(picture.path)
    if picture.click:
        page.locator(picture.click).first.click()
        page.wait_for_load_state()
    page.wait_for_load_state("networkidle")
    path = OUT / f"{picture.name}.png"
    page.screenshot(path=path)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} KiB  {page.url}")


if __name__ == "__main__":
    try:
        main()
    finally:
        _STATE.unlink(missing_ok=True)
