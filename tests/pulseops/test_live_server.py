"""Pages that follow, through our own server: two hundred tabs at once, and two people on one incident."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psutil
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import errors_on_console
from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
TABS = 200
_MAKE = """
import json
from accounts.models import Role
from tests.support.alerting import make_incident
from tests.support.factories import make_member, make_org, make_user
from tests.support.sign_in import signed_in
org = make_org("Two people")
people = {
    name: make_member(org, Role.DEVELOPER, user=make_user(f"{name}-{org.pk}@two.example", name=name.capitalize()))
    for name in ("dana", "lee")
}
cookies = {name: signed_in(user).cookies["pulseops_session"].value for name, user in people.items()}
print(json.dumps({"org": str(org.pk), "incident": make_incident(org, "Checkout fails").pk, "cookies": cookies}))
"""


@dataclass(frozen=True, slots=True)
class Team:
    """An installation with one web process, and in it an organisation with two members and an incident."""

    web: Installation
    pid: int
    org: str
    incident: int
    cookies: dict[str, str]

    @property
    def address(self) -> str:
        return f"{self.web.url}/incidents/{self.incident}"


@pytest.fixture(scope="module")
def team(installation: Installation) -> Iterator[Team]:
    settings = {"WEB_WORKERS": "1", "WEB_THREADS": "4", "LIVE_TABS_PER_PERSON": "0", "WEB_QUEUE_SECONDS": "60"}
    web = installation.twin({**installation.environment, **settings})
    made = json.loads(web.shell(_MAKE))
    process = web.start_web()
    yield Team(web, process.pid, made["org"], made["incident"], made["cookies"])
    stop(process)


def follow(stack: ExitStack, team: Team, name: str) -> socket.socket:
    tab = stack.enter_context(socket.create_connection(("127.0.0.1", team.web.port), timeout=60))
    lines = [
        f"GET /live?since={time.time() + 60} HTTP/1.1", f"Host: 127.0.0.1:{team.web.port}",
        f"Cookie: pulseops_session={team.cookies[name]}", "", "",
    ]  # fmt: skip
    tab.sendall("\r\n".join(lines).encode())
    return tab


def test_two_hundred_tabs_hold_no_thread_and_hear_of_a_change(team: Team) -> None:
    (worker,) = psutil.Process(team.pid).children()
    with ExitStack() as stack:
        first = follow(stack, team, "lee")
        assert b"text/event-stream" in first.recv(4096)
        threads = worker.num_threads()
        many = []
        for _ in range(TABS - 1):  # one after the other: a line for four threads is not what is tested
            many.append(follow(stack, team, "dana"))
            assert b"text/event-stream" in many[-1].recv(4096)
        assert worker.num_threads() <= threads + 4  # those that serve requests, which start when they are needed
        page = requests.get(team.address, cookies={"pulseops_session": team.cookies["dana"]}, timeout=60)
        assert page.status_code == 200  # there is a thread for it

        change = f"SELECT pg_notify('pulseops_pages', '{team.org} incident:{team.incident}')"
        wait_until(lambda: team.web.rows(change) and has_heard(first))
        for tab in many:
            assert b"incident:" in tab.recv(4096)
        team.web.rows("DELETE FROM org_members USING users u WHERE u.id = user_id AND u.name = 'Lee' RETURNING 1")
        team.web.rows(change)
        wait_until(lambda: first.recv(4096) == b"")
        team.web.rows(
            f"INSERT INTO org_members (org_id, user_id, role) SELECT '{team.org}', id, 'developer' FROM users "
            "WHERE name = 'Lee' RETURNING 1"
        )


def has_heard(tab: socket.socket) -> bool:
    tab.settimeout(2)
    try:
        return b"incident:" in tab.recv(4096)
    except TimeoutError:
        return False


def page_of(browser: Browser, stack: ExitStack, team: Team, name: str) -> tuple[Page, list[str]]:
    context = browser.new_context()
    stack.callback(context.close)
    context.add_cookies([{"name": "pulseops_session", "value": team.cookies[name], "url": team.web.url}])
    page = context.new_page()
    console = errors_on_console(page)
    page.goto(team.address)
    return page, console


@pytest.mark.browser
def test_two_people_on_one_incident(team: Team, browser: Browser) -> None:
    with ExitStack() as stack:
        dana, trouble = page_of(browser, stack, team, "dana")
        lee, more = page_of(browser, stack, team, "lee")
        box = lee.get_by_label("Note", exact=True)
        box.fill("I think it is the pro")
        dana.get_by_role("button", name="Acknowledge", exact=True).click()
        expect(lee.get_by_text("Dana acknowledged", exact=True)).to_be_visible()
        expect(lee.get_by_role("button", name="Acknowledge", exact=True)).to_have_count(0)
        expect(lee.locator("#incident-facts").get_by_label("Assignee")).to_have_value(
            dana.evaluate("document.body.dataset.user")
        )
        expect(box).to_have_value("I think it is the pro")  # and the caret is still there
        box.press_sequentially("vider")
        lee.reload()
        expect(box).to_have_value("I think it is the provider")
        box.press("Control+Enter")
        expect(box).to_have_value("")
        expect(dana.locator("#incident-timeline").get_by_text("I think it is the provider")).to_be_visible()
        expect(dana.get_by_text("Lee wrote a note")).to_be_visible()

        lee.context.set_offline(True)
        box.fill("Not lost")
        box.press("Control+Enter")
        expect(lee.get_by_text("It is still in the box.")).to_be_visible()
        expect(box).to_have_value("Not lost")
        lee.context.set_offline(False)
        lee.goto(f"{team.web.url}/incidents")
        dana.get_by_role("button", name="Resolve", exact=True).click()
        dana.get_by_label("Cause").fill("The provider was down")
        dana.get_by_role("button", name="Resolve incident").click()
        expect(lee.get_by_text("No open incidents")).to_be_visible()
        lee.goto(team.address)
        expect(box).to_have_value("Not lost")
        assert trouble == []
        assert [line for line in more if "ERR_INTERNET_DISCONNECTED" not in line] == []
