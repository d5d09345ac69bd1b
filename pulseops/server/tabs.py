"""Tabs of browsers that wait to hear what changes (server-sent events): connections that hold no thread.

A view admits a tab and hands over its connection; its thread is free then. The worker's main thread keeps the
connection, sends what `Tabs.tell` is given, and a heartbeat now and then. Only that thread writes to a tab.
"""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
    b"X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\nretry: 3000\n: following\n\n"
)
HEARTBEAT = b":\n\n"
HEARTBEAT_SECONDS = 15.0  # proxies end what is silent for a minute


@dataclass(eq=False, slots=True)
class Tab:
    """Whose it is, and by which session; `since` says what its page knows (seconds since 1970)."""

    org_id: Any
    user_id: Any
    session: str
    since: float
    is_over: bool = False
    signed_at: float = field(default_factory=time.monotonic)


class Connection(Protocol):
    """The client's connection of a tab."""

    tab: Tab | None

    def fileno(self) -> int: ...

    def push(self, data: bytes) -> bool: ...

    def discard(self) -> bool: ...


class Tabs:
    """The tabs of this process; any thread may ask. The worker sets `send`, which no bytes are given to hang up."""

    def __init__(self) -> None:
        self._tabs: set[Tab] = set()
        self._lock = threading.Lock()
        self.send: Callable[[Collection[Tab], bytes | None], None] = lambda tabs, data: None
        self.on_first: Callable[[], None] = lambda: None

    def admit(self, tab: Tab, *, per_user: int, per_org: int, in_all: int) -> str:
        """Count a tab in; returns "", or what there are too many of: "user", "org", "all". 0 is no limit."""
        with self._lock:
            counts = (
                ("user", per_user, sum(each.user_id == tab.user_id for each in self._tabs)),
                ("org", per_org, sum(each.org_id == tab.org_id for each in self._tabs)),
                ("all", in_all, len(self._tabs)),
            )
            for name, limit, count in counts:
                if limit and count >= limit:
                    return name
            self._tabs.add(tab)
        self.on_first()
        return ""

    def leave(self, tab: Tab) -> None:
        """Count it out."""
        with self._lock:
            self._tabs.discard(tab)

    def all(self) -> list[Tab]:
        """Return those that are there."""
        with self._lock:
            return list(self._tabs)

    def tell(self, tabs: Collection[Tab], topics: Iterable[str], at: float) -> None:
        """Let these tabs know that `topics` have changed."""
        lines = "".join(f"data: {topic}\n" for topic in topics)
        self.send(tabs, f"id: {at:.3f}\n{lines}\n".encode())

    def end(self, tabs: Collection[Tab]) -> None:
        """Hang up on these."""
        for tab in tabs:
            tab.is_over = True
        self.send(tabs, None)


tabs = Tabs()


class HeldTabs:
    """Their connections, which the main thread alone touches; `drop` closes one for good."""

    def __init__(self, defer: Callable[..., None], drop: Callable[[Any], None]) -> None:
        self._held: dict[Tab, tuple[Connection, selectors.BaseSelector]] = {}
        self._drop = drop
        tabs.send = lambda chosen, data: defer(self.push, chosen, data)

    def hold(self, conn: Connection, poller: selectors.BaseSelector) -> None:
        """Keep a connection for its tab, which takes no thread."""
        assert conn.tab is not None
        self._held[conn.tab] = conn, poller
        poller.register(conn, selectors.EVENT_READ, self._on_readable)
        self.push([conn.tab], HEAD)

    def push(self, chosen: Collection[Tab], data: bytes | None) -> None:
        """Send something to tabs; hang up on those that do not take it, and on those that are over."""
        for tab in [each for each in chosen if each in self._held]:
            try:
                is_taken = not tab.is_over and data is not None and self._held[tab][0].push(data)
            except OSError:
                is_taken = False
            if not is_taken:
                self._let_go(tab)

    def sweep(self, now: float, *, is_alive: bool) -> None:
        """Send a heartbeat where nothing was sent for long; hang up on all when the process ends."""
        if not is_alive:
            self.let_all_go()
        silent = [tab for tab in self._held if now > tab.signed_at + HEARTBEAT_SECONDS]
        for tab in silent:
            tab.signed_at = now
        self.push(silent, HEARTBEAT)

    def let_all_go(self) -> None:
        """Hang up on all."""
        for tab in [*self._held]:
            self._let_go(tab)

    def _on_readable(self, conn: Connection) -> None:
        tab = conn.tab
        if tab in self._held and not conn.discard():  # whatever a tab says, only its end matters
            self._let_go(tab)

    def _let_go(self, tab: Tab) -> None:
        conn, poller = self._held.pop(tab)
        poller.unregister(conn)
        self._drop(conn)
