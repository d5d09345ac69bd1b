"""The main job end to end, as a new user does it: start, sign up, and follow the first steps to the last.

A service, a key, the first log, a rule tried on it, and a channel whose test message arrives.
"""

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

from tests import receivers
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
    process = start_up(directory, port, OUTGOING_PRIVATE_HOSTS="127.0.0.1")
    running = Running(process, f"http://localhost:{port}", directory / "up.log")
    try:
        wait_until(lambda: is_ready(process, port), seconds=120)
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

    expect(page.get_by_text("0 of 5 done")).to_be_visible()
    page.get_by_role("link", name="New service").click()
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

    page.get_by_role("link", name="Dashboard").first.click()
    expect(page.get_by_text("3 of 5 done")).to_be_visible()
    make_a_rule(page)
    with receivers.receiver() as sink:
        try_a_channel(page, sink)
    page.get_by_role("link", name="Dashboard").first.click()
    expect(page.get_by_role("heading", name="Services")).to_be_visible()
    expect(page.get_by_text("First steps")).to_have_count(0)

    mails = [mail.read_text() for mail in (up.log.parent / "mail").iterdir()]
    assert [up.url in mail for mail in mails] == [True], "the worker knows where the web is reached"

    everybody = family(up.process)
    up.process.send_signal(signal.SIGINT)  # Ctrl-C
    up.process.wait(20)
    wait_until(lambda: not any(each.is_running() and each.status() != "zombie" for each in everybody))
    wait_until(lambda: not list((up.log.parent / "postgres").glob("data/postmaster.pid")))


def make_a_rule(page: Page) -> None:
    """Make the first rule; the editor tries it on the log that has just arrived."""
    page.get_by_role("link", name="New rule").click()
    backtest = page.locator("#backtest")
    expect(backtest).to_contain_text("it would have fired 0 times", timeout=15_000)
    page.get_by_label("At least").fill("1")
    page.get_by_label("Level").select_option("info")
    page.get_by_label("Filter").fill("hello")
    page.get_by_label("Name").fill("Somebody says hello")
    page.get_by_label("Name").blur()
    expect(backtest).to_contain_text("it would have fired 1 time,", timeout=15_000)
    page.get_by_role("button", name="Make rule").click()
    expect(page.get_by_role("heading", name="Somebody says hello")).to_be_visible()
    page.get_by_role("link", name="Dashboard").first.click()
    expect(page.get_by_text("4 of 5 done")).to_be_visible()


def try_a_channel(page: Page, sink: receivers.Receiver) -> None:
    """Add a channel and see its test message arrive, there and on the page, which is not loaded again."""
    page.get_by_role("link", name="Add a channel").click()
    page.get_by_label("Name").fill("#on-call")
    page.get_by_label("Webhook address").fill(sink.url)
    page.get_by_role("button", name="Add channel").click()
    page.get_by_role("button", name="Send a test").click()
    assert "Ann sent this test for Acme" in sink.wait_for(1)[0].body.decode()
    expect(page.locator("#outbox tbody")).to_contain_text("Sent", timeout=15_000)
    channels = page.get_by_role("region", name="Channels")
    expect(channels).not_to_contain_text("never")
