"""Waking the loop: a hint that there is work, by PostgreSQL's NOTIFY. What is to be done stands in our own tables.

A notification leaves with the transaction that asked for it, so anyone who is woken sees what was written. A lost one
costs time, never work: the loop looks by itself every second for messages and every 30 s for rules.
"""

from __future__ import annotations

import threading
import time
from uuid import UUID

from django.db import connection

CHANNEL = "pulseops"
PAGES = "pulseops_pages"  # another channel: the web processes listen to it, and to nothing else
DELIVER = "deliver"
EVALUATE = "evaluate"
ORG_PAUSE = 2.0  # seconds between two wake-ups for one organisation from one process

_woken: dict[UUID, float] = {}
_lock = threading.Lock()


def wake_delivery(org_id: UUID, topic: str) -> None:
    """Say that a message of an organisation is due, and tell its pages of `topic`; see `tell_pages`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s), pg_notify(%s, %s)", [CHANNEL, DELIVER, PAGES, f"{org_id} {topic}"])


def wake_evaluation(org_id: UUID) -> None:
    """Say that the rules of an organisation should be evaluated, once the current transaction commits."""
    _notify(f"{EVALUATE} {org_id}")


def wake_evaluation_at_most(org_id: UUID) -> bool:
    """Do that unless this process did within the last two seconds; returns whether it did.

    Anyone who is woken looks a second time two seconds later, so nothing that came in between waits longer.
    """
    now = time.monotonic()
    with _lock:
        if now - _woken.get(org_id, -ORG_PAUSE) < ORG_PAUSE:
            return False
        if len(_woken) > 10_000:
            _woken.clear()
        _woken[org_id] = now
    wake_evaluation(org_id)
    return True


def tell_pages(org_id: UUID, topic: str) -> None:
    """Say that something of an organisation has changed ("incident:5"), once the current transaction commits.

    Pages that show it ask for it anew (pulseops.pages.live); one topic is sent once a transaction.
    """
    _notify(f"{org_id} {topic}", PAGES)


def _notify(payload: str, channel: str = CHANNEL) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])
