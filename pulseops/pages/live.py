"""Pages that follow what happens: one connection for each tab that is looked at, and what it is told.

What changes is told by PostgreSQL's NOTIFY (wakeups.tell_pages) with its name alone ("incident:5"); the page then asks
for what it shows. A tab is told of its own organisation, as long as its session lives and its user is a member: that is
asked before anything is sent, and now and then. Where this cannot be had (no LISTEN, too many tabs, another server than
ours), the answer is 204, and the page asks every few seconds by itself (static/js/follow.js).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.queries import sessions_alive
from accounts.refused import note_refused
from accounts.sessions import hash_session_key
from accounts.tenancy import OrgRequest, org_member
from pulseops.core.jobs.wakeups import PAGES
from pulseops.pages.banners import refresh_banners
from pulseops.server.tabs import Tab, tabs

log = logging.getLogger(__name__)
EVERYTHING = "*"  # the topic of a tab that may have missed some
_GATHER = 0.3  # seconds in which changes are put together
_SKEW = 1.0  # seconds between a page's looking at its rows and the time that it says
_CHECK = 15.0  # seconds between two looks at whose session lives
_REMEMBERED, _MOST_REMEMBERED = 60.0, 2_000  # seconds, and changes, of which a tab that comes back is told
_IDLE = 60.0  # seconds without a tab until the listener ends
_AGAIN = 2.0  # seconds until it tries again when the database is away


@require_safe
@org_member
def live(request: OrgRequest) -> HttpResponse:
    """Keep the connection for the tab that asks; `since` is when its page was made (seconds since 1970)."""
    held: Any = request.META.get("gunicorn.socket")
    if not hasattr(held, "hold") or request.method != "GET":
        return HttpResponse(status=204)
    session = hash_session_key(request.session.session_key or "")
    tab = Tab(request.org.pk, request.user.pk, session, _since(request))
    refused = tabs.admit(
        tab, per_user=settings.LIVE_TABS_PER_PERSON, per_org=settings.LIVE_TABS_PER_ORG, in_all=settings.LIVE_TABS
    )
    if refused:
        setting = {"user": "LIVE_TABS_PER_PERSON", "org": "LIVE_TABS_PER_ORG", "all": "LIVE_TABS"}[refused]
        note_refused(request.org.pk, setting)
        return HttpResponse(status=204)
    held.hold(tab)
    listener.catch_up(tab)
    return HttpResponse()


@require_safe
@org_member
def banners(request: OrgRequest) -> HttpResponse:
    """Return the banners as they are now."""
    refresh_banners(request.org)
    return render(request, "components/banners.html")


def _since(request: OrgRequest) -> float:
    for given in (request.headers.get("Last-Event-ID", ""), request.GET.get("since", "")):
        with suppress(ValueError):
            return float(given[:20]) - _SKEW
    return 0.0


class Listener:
    """Listens for all tabs of this process, on a thread and a connection of its own; both end when no tab is left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._listens_since = float("inf")
        self._changes: deque[tuple[float, UUID, str]] = deque(maxlen=_MOST_REMEMBERED)

    def start(self) -> None:
        """Listen, unless it does."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pages", daemon=True)
                self._thread.start()

    def catch_up(self, tab: Tab) -> None:
        """Tell a tab what has changed since its page was made."""
        now = time.time()
        if tab.since < max(self._listens_since, now - _REMEMBERED):
            tabs.tell([tab], [EVERYTHING], now)
            return
        topics = {topic for at, org_id, topic in [*self._changes] if org_id == tab.org_id and at >= tab.since}
        if topics:
            tabs.tell([tab], sorted(topics), now)

    def _run(self) -> None:
        while True:
            try:
                self._listen()
                return
            except (DatabaseError, InterfaceError, psycopg.Error) as error:
                log.warning("pages cannot follow what happens; trying again", extra={"error": str(error).strip()})
            except Exception:
                log.exception("pages cannot follow what happens; trying again")
            finally:
                connection.close()
            time.sleep(_AGAIN)

    def _listen(self) -> None:
        own = connection.copy("pages")
        own.settings_dict["OPTIONS"].pop("pool", None)  # a connection for good would be missing there
        try:
            own.ensure_connection()
            own.connection.execute(f"LISTEN {PAGES}")
            self._listens_since = time.time()
            tabs.tell(tabs.all(), [EVERYTHING], time.time())  # what came while no one listened
            self._follow(own.connection)
        finally:
            self._listens_since = float("inf")
            own.close()

    def _follow(self, raw: Any) -> None:
        checked_at = used_at = time.monotonic()
        while True:
            payloads = [notice.payload for notice in raw.notifies(timeout=1.0, stop_after=1)]
            if payloads:
                payloads += [notice.payload for notice in raw.notifies(timeout=_GATHER)]
                self._tell(payloads)
            now = time.monotonic()
            if now > checked_at + _CHECK:
                checked_at = now
                _end_those_without(tabs.all())
            connection.close()  # back to the pool
            used_at = now if tabs.all() else used_at
            if now > used_at + _IDLE and self._ends():
                return

    def _ends(self) -> bool:
        """Return whether it may end: no tab has come since."""
        with self._lock:
            if tabs.all():
                return False
            self._thread = None
            return True

    def _tell(self, payloads: Iterable[str]) -> None:
        at = time.time()
        changed: dict[UUID, dict[str, None]] = {}
        for payload in payloads:
            whose, _, topic = payload.partition(" ")
            changed.setdefault(UUID(whose), {})[topic] = None
        for org_id, topics in changed.items():
            self._changes.extend((at, org_id, topic) for topic in topics)
            theirs = _end_those_without([tab for tab in tabs.all() if tab.org_id == org_id])
            if theirs:
                tabs.tell(theirs, topics, at)


def _end_those_without(chosen: list[Tab]) -> list[Tab]:
    """Hang up on tabs whose session has ended or whose user has left; returns the others."""
    if not chosen:
        return []
    alive = sessions_alive({tab.session for tab in chosen})
    over = [tab for tab in chosen if (tab.session, tab.org_id) not in alive]
    if over:
        tabs.end(over)
    return [tab for tab in chosen if not tab.is_over]


listener = Listener()
tabs.on_first = listener.start
