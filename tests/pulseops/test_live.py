"""Who is told what changes, how many tabs there may be, and what becomes of tabs that do not listen."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Membership, Org, OrgUsage, Session, User
from accounts.sessions import hash_session_key
from incidents.actions import add_note
from notifications.outbox import enqueue
from pulseops.core.jobs.wakeups import PAGES
from pulseops.pages import live
from pulseops.server.connection import ClientConnection
from pulseops.server.tabs import HeldTabs, Tab, Tabs, tabs
from tests.support.alerting import make_channel, make_incident
from tests.support.sign_in import signed_in

LIMITS = {"per_user": 0, "per_org": 0, "in_all": 0}


def tab_of(org: Any = None, user: Any = None, session: str = "", since: float = 0.0) -> Tab:
    return Tab(org or uuid4(), user or uuid4(), session, since)


@contextmanager
def held(tab: Tab) -> Iterator[tuple[socket.socket, HeldTabs, ClientConnection]]:
    """A tab's connection as the worker's main thread holds it, and the browser's end of it."""
    browser, ours = socket.socketpair()
    browser.settimeout(10)
    conn = ClientConnection(ours, "", "")
    conn.hold(tab)
    with selectors.DefaultSelector() as poller:
        keeper = HeldTabs(lambda function, *given: function(*given), lambda each: each.drop())
        keeper.hold(conn, poller)
        yield browser, keeper, conn
        keeper.let_all_go()
    browser.close()


def test_as_many_tabs_as_may_be() -> None:
    here = Tabs()
    org, user = uuid4(), uuid4()
    assert here.admit(tab_of(org, user), per_user=1, per_org=2, in_all=3) == ""
    assert here.admit(tab_of(org, user), per_user=1, per_org=2, in_all=3) == "user"
    other = tab_of(org)
    assert here.admit(other, per_user=1, per_org=2, in_all=3) == ""
    assert here.admit(tab_of(org), per_user=1, per_org=2, in_all=3) == "org"
    assert here.admit(tab_of(), per_user=1, per_org=2, in_all=3) == ""
    assert here.admit(tab_of(), per_user=1, per_org=2, in_all=3) == "all"
    here.leave(other)
    assert here.admit(tab_of(org), per_user=1, per_org=2, in_all=3) == ""
    assert here.admit(tab_of(org, user), **LIMITS) == ""  # no limits


def test_a_tab_gets_its_own_head_what_changes_and_heartbeats() -> None:
    tab = tab_of()
    with held(tab) as (browser, keeper, conn):
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nwhat the view answered")
        assert b"text/event-stream" in browser.recv(4096)
        tabs.tell([tab], ["incident:5", "job:5"], 12.5)
        assert browser.recv(4096) == b"id: 12.500\ndata: incident:5\ndata: job:5\n\n"
        keeper.sweep(time.monotonic(), is_alive=True)
        keeper.sweep(time.monotonic() + 16, is_alive=True)
        assert browser.recv(4096) == b":\n\n"
        tabs.end([tab])
        assert browser.recv(4096) == b""


def test_a_tab_that_takes_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabs, "on_first", lambda: None)  # no listener in this process
    tab = tab_of()
    tabs.admit(tab, **LIMITS)
    with held(tab) as (_, keeper, _conn):
        for _ in range(2_000):
            keeper.push([tab], b"x" * 1_000)
        assert tab not in tabs.all()


def test_a_process_that_stops_waits_for_no_tab() -> None:
    tab = tab_of()
    with held(tab) as (browser, keeper, _):
        browser.recv(4096)
        keeper.sweep(time.monotonic(), is_alive=False)
        assert browser.recv(4096) == b""


class Held:
    """The server's connection, as a view sees it."""

    tab: Tab | None = None

    def hold(self, tab: Tab) -> None:
        self.tab = tab


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Tab], list[str]]]:
    """What tabs are told, by a listener whose thread does not run."""
    here = Tabs()
    said: list[tuple[list[Tab], list[str]]] = []
    monkeypatch.setattr(here, "tell", lambda chosen, topics, at: said.append((list(chosen), list(topics))))
    monkeypatch.setattr(live, "tabs", here)
    return said


def ask(client: Client, since: float = 0.0) -> tuple[int, Tab | None]:
    server = Held()
    answer = client.get(f"/live?since={since}", **{"gunicorn.socket": server})
    return answer.status_code, server.tab


@pytest.mark.django_db
def test_another_server_than_ours_says_that_there_is_nothing_to_wait_for(
    viewer: User, client_for: Callable[[User], Client]
) -> None:
    assert client_for(viewer).get("/live").status_code == 204


@pytest.mark.django_db
def test_a_person_with_too_many_tabs_asks_by_polling_and_the_organisation_sees_it(
    told: list[Any], org: Org, viewer: User, client_for: Callable[[User], Client], settings: Settings
) -> None:
    settings.LIVE_TABS_PER_PERSON = 2
    client = client_for(viewer)
    assert [ask(client)[0] for _ in range(3)] == [200, 200, 204]
    assert OrgUsage.objects.filter(org=org, kind="refused:LIVE_TABS_PER_PERSON").exists()


@pytest.mark.django_db
def test_a_tab_hears_of_its_organisation_alone_as_long_as_it_may_see_it(
    told: list[Any], org: Org, viewer: User, developer: User, outsider: User
) -> None:
    client, theirs = signed_in(viewer), signed_in(outsider)
    _, mine = ask(client)
    _, foreign = ask(theirs)
    other = ask(signed_in(developer))[1]
    assert mine
    assert foreign
    assert other
    told.clear()

    def change() -> list[Tab]:
        told.clear()
        live.listener._tell([f"{org.pk} incident:5", f"{org.pk} incident:5"])
        return told[0][0] if told else []

    assert set(change()) == {mine, other}
    assert told[0][1] == ["incident:5"]
    Membership.objects.filter(org=org, user=viewer).delete()
    assert change() == [other]
    assert mine.is_over
    Session.objects.filter(user=developer).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert change() == []
    assert not foreign.is_over
    Org.objects.filter(pk=foreign.org_id).update(suspended_at=timezone.now())
    assert live._end_those_without([foreign]) == []


@pytest.mark.django_db
def test_a_tab_that_comes_back_hears_what_it_missed(told: list[Any], org: Org, viewer: User) -> None:
    listener = live.Listener()
    now = time.time()
    listener._listens_since = now - 1_000
    listener._changes.extend([(now - 20, org.pk, "incident:1"), (now - 5, org.pk, "job:2"), (now - 5, uuid4(), "x:1")])
    for since, expected in ((now - 10, ["job:2"]), (now - 30, ["incident:1", "job:2"]), (now - 500, ["*"])):
        told.clear()
        listener.catch_up(tab_of(org.pk, since=since))
        assert told[0][1] == expected
    told.clear()
    listener.catch_up(tab_of(org.pk, since=now))
    assert told == []  # it has all
    assert live._since(type("R", (), {"headers": {"Last-Event-ID": "nonsense"}, "GET": {"since": "5.5"}})()) == 4.5  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_what_people_and_the_outbox_do_is_said_once_it_is_committed(org: Org, developer: User) -> None:
    incident = make_incident(org)
    make_channel(org, "https://hooks.slack.com/services/x")
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {PAGES}")
    add_note(actor=developer, incident=incident, text="Found it")
    enqueue(org=org, event="incident.created", payload={}, subject_id=incident.pk)
    payloads = [notice.payload for notice in connection.connection.notifies(timeout=10, stop_after=2)]
    with connection.cursor() as cursor:
        cursor.execute(f"UNLISTEN {PAGES}")
    assert payloads == [f"{org.pk} incident:{incident.pk}", f"{org.pk} job:{incident.pk}"]


@pytest.mark.django_db
def test_the_session_of_a_tab_is_kept_as_its_hash(told: list[Any], viewer: User, org: Org) -> None:
    client = signed_in(viewer)
    _, tab = ask(client)
    assert tab is not None
    assert tab.session == hash_session_key(client.cookies["pulseops_session"].value)
    assert (tab.org_id, UUID(str(tab.user_id))) == (org.pk, viewer.pk)


@pytest.mark.django_db
def test_banners_are_asked_for_anew(admin: User, viewer: User, client_for: Callable[[User], Client]) -> None:
    assert 'id="banners"' in client_for(admin).get("/live/banners").text
    assert 'id="banners"' not in client_for(viewer).get("/live/banners").text  # who cannot act is not told
