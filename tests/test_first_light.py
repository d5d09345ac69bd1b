"""The main job end to end, as a new user does it: start, sign up, make a service and a key, send a log, find it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.installation import family, free_port, is_ready, start_up, wait_until

PASSWORD = "a battery of correct horses"


@dataclass(frozen=True)
class Running:
    """`manage.py up`, answering."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path


@pytest.fixture
def up() -> Iterator[Running]:
    """Everything started by the one command, with nothing there before."""
    directory = Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))
    directory.chmod(0o755)  # for the server's user
    port = free_port()
    process = start_up(directory, port)
    running = Running(process, f"http://localhost:{port}", directory / "up.log")
    try:
        wait_until(lambda: is_ready(process, port), seconds=60)
        yield running
    finally:
        for member in family(process):
            member.kill()
        process.wait(10)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")
def test_from_nothing_to_the_first_log_in_the_explorer(up: Running, page: Page) -> None:
    page.goto(f"{up.url}/signup")
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_label("Organisation").fill("Acme")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()

    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Services").first.click()
    page.get_by_role("link", name="Make the first service").click()
    page.get_by_label("Name").fill("checkout")
    page.get_by_role("button", name="Make service").click()
    page.get_by_role("link", name="Make a key").click()
    page.get_by_role("button", name="Make key").click()
    expect(page.get_by_text("Waiting for the first log…")).to_be_visible()

    snippet = page.locator("pre[aria-label=curl]").inner_text()
    sent = subprocess.run(["sh", "-c", snippet], check=True, capture_output=True, text=True, timeout=30)
    assert '"accepted":2' in sent.stdout

    expect(page.get_by_text("First log received")).to_be_visible(timeout=10_000)
    page.get_by_role("link", name="Open it in the explorer").click()
    expect(page.get_by_role("link", name="Hello from curl")).to_be_visible()

    mails = [mail.read_text() for mail in (up.log.parent / "mail").iterdir()]
    assert [up.url in mail for mail in mails] == [True], "the worker knows where the web is reached"

    everybody = family(up.process)
    up.process.send_signal(signal.SIGINT)  # Ctrl-C
    up.process.wait(20)
    wait_until(lambda: not any(each.is_running() and each.status() != "zombie" for each in everybody))
    wait_until(lambda: not list((up.log.parent / "postgres").glob("data/postmaster.pid")))
