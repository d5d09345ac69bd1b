"""`manage.py up` from nothing to its end: as a new user has it, with a second one beside it, killed, and by Ctrl-C.

The user signs up and follows the first steps to the last: a service, a key, the first log, a rule tried on it, and a
channel whose test message arrives. The second test goes on with what then runs, for a start costs seconds.
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

from pulseops.core.postgres.embedded.server import embedded_server
from tests.support import receivers
from tests.support.installation import all_gone, family, free_port, is_ready, start_up, stop
from tests.support.waiting import wait_until

PASSWORD = "a battery of correct horses"


@dataclass(frozen=True)
class Running:
    """`manage.py up`, answering."""

    process: subprocess.Popen[bytes]
    port: int
    directory: Path

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://localhost:{self.port}"


@pytest.fixture(scope="module")
def up() -> Iterator[Running]:
    """Everything started by the one command, with nothing there before."""
    directory = Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))
    directory.chmod(0o755)  # for the server's user
    port = free_port()
    process = start_up(directory, port, OUTGOING_PRIVATE_HOSTS="127.0.0.1")
    try:
        wait_until(lambda: is_ready(process, port), seconds=120)
        yield Running(process, port, directory)
    finally:
        for member in family(process):
            member.kill()
        process.wait(60)
        embedded_server(directory / "postgres").leave()  # one that had to be killed on a busy machine has not
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

    # Two steps from here: name what sends, and run what is shown.
    page.get_by_label("Name").fill("checkout")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Waiting for the first log…")).to_be_visible()

    snippet = page.locator("pre[aria-label=curl]").inner_text()
    sent = subprocess.run(["sh", "-c", snippet], check=True, capture_output=True, text=True, timeout=30)
    assert '"accepted":2' in sent.stdout

    expect(page.get_by_text("First log received")).to_be_visible()
    page.get_by_role("link", name="Open it in the explorer").click()
    expect(page.get_by_role("link", name="Hello from curl")).to_be_visible()

    page.get_by_role("link", name="Dashboard").first.click()
    expect(page.get_by_text("2 of 5 done")).to_be_visible()
    make_a_rule(page)
    with receivers.receiver() as sink:
        try_a_channel(page, sink)
    page.get_by_role("link", name="Dashboard").first.click()
    expect(page.get_by_role("heading", name="Services")).to_be_visible()
    expect(page.get_by_text("4 of 5 done")).to_be_visible()  # nobody is invited
    page.get_by_role("button", name="Hide").click()
    expect(page.get_by_text("First steps")).to_have_count(0)

    mails = [mail.read_text() for mail in (up.directory / "mail").iterdir()]
    assert [up.url in mail for mail in mails] == [True], "the worker knows where the web is reached"


@pytest.mark.slow
def test_a_killed_one_leaves_no_one_behind_who_is_in_the_way_and_ctrl_c_ends_all(up: Running) -> None:
    other_port = free_port()
    other = start_up(up.directory, other_port)
    started, left = [up.process, other], []
    try:
        wait_until(lambda: is_ready(other, other_port))  # two share the directory, its database, its work
        orphans = family(up.process)[1:]
        left += orphans
        up.process.kill()
        again = start_up(up.directory, up.port)
        started.append(again)
        wait_until(lambda: all_gone(orphans))  # until then one of them may answer
        wait_until(lambda: is_ready(again, up.port))
        assert is_ready(other, other_port)
        stop(other)
        assert is_ready(again, up.port)

        left += family(again)
        again.send_signal(signal.SIGINT)  # Ctrl-C
        again.wait(60)
        wait_until(lambda: all_gone(left))
        wait_until(lambda: not list((up.directory / "postgres").glob("data/postmaster.pid")))
    finally:
        left += [member for process in started for member in family(process)]
        for process in started:
            process.terminate()
            process.wait(60)
        wait_until(lambda: all_gone(left))


def make_a_rule(page: Page) -> None:
    """Create the first rule; the editor tries it on the log that has just arrived."""
    page.get_by_role("link", name="New rule").click()
    backtest = page.locator("#backtest")
    expect(backtest).to_contain_text("it would have fired 0 times")
    page.get_by_label("At least").fill("1")
    page.get_by_label("Level").select_option("info")
    page.get_by_label("Filter").fill("hello")
    page.get_by_label("Name").fill("Somebody says hello")
    page.get_by_label("Name").blur()
    expect(backtest).to_contain_text("it would have fired 1 time,")
    page.get_by_role("button", name="Create rule").click()
    expect(page.get_by_role("heading", name="Somebody says hello")).to_be_visible()
    page.get_by_role("link", name="Dashboard").first.click()
    expect(page.get_by_text("3 of 5 done")).to_be_visible()


def try_a_channel(page: Page, sink: receivers.Receiver) -> None:
    """Add a channel and see its test message arrive, there and on the page, which is not loaded again."""
    page.get_by_role("link", name="Add a channel").click()
    page.get_by_role("link", name="Slack").click()
    page.get_by_label("Name").fill("#on-call")
    page.get_by_label("Webhook address").fill(sink.url)
    page.get_by_role("button", name="Add channel").click()
    page.get_by_role("button", name="Send a test").click()
    assert "Ann sent this test for Acme" in sink.wait_for(1)[0].body.decode()
    expect(page.locator("#outbox tbody")).to_contain_text("Sent")
    channels = page.get_by_role("region", name="Channels")
    expect(channels).not_to_contain_text("never")
