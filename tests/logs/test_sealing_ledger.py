"""What was acknowledged is found once: before it is sealed, meanwhile, and afterwards."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Org
from logs.explorer.export import export
from logs.models import LogEntry
from logs.search.page import prepare
from logs.search.parser import parse
from logs.search.slices import Window
from logs.storage.blocks.seal import seal
from services.scopes import scopes_of
from tests.support.factories import make_key, make_service

BATCHES, LOGS = 25, 12


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("seals_at_once")
def test_what_is_acknowledged_is_found_once(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("seal", "rows"):
        monkeypatch.setattr(f"logs.storage.blocks.{name}.BLOCK_LOGS", 20)
    monkeypatch.setattr("logs.storage.blocks.seal._WORTH_MERGING", 10)
    monkeypatch.setattr("logs.storage.blocks.seal.drop_emptied", lambda now: [])
    acknowledged: list[str] = []
    senders = [threading.Thread(target=send, args=[org, name, acknowledged]) for name in ("api", "worker")]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        before = set(acknowledged)
        seal(timezone.now() + timedelta(days=3), seconds=60)
        found = Counter(messages(org))
        assert before <= set(found)
        assert not [message for message, number in found.items() if number > 1]
    for sender in senders:
        sender.join()
    seal(timezone.now() + timedelta(days=3), seconds=60)
    assert not LogEntry.objects.exists()
    assert Counter(messages(org)) == Counter(acknowledged)
    assert len(acknowledged) == len(senders) * BATCHES * LOGS


def send(org: Org, name: str, acknowledged: list[str]) -> None:
    """Send batches as a client does, and note what was answered 200."""
    try:
        client, key = Client(), make_key(make_service(org, name).environments.get(name="production"))
        for batch in range(BATCHES):
            texts = [f"{name} {batch} {number}" for number in range(LOGS)]
            body = {"logs": [{"message": text} for text in texts]}
            answer = client.post("/api/v1/logs/ingest", body, "application/json", headers={"x-api-key": key})
            if answer.status_code == 200:
                acknowledged += texts
    finally:
        connection.close()


def messages(org: Org) -> Iterator[str]:
    """Yield the message of every log that an export finds, which walks through all there are page by page."""
    search, now = prepare(org.pk, parse(""), scopes_of(org)), timezone.now()
    chunks = export(search, Window(now - timedelta(days=1), now + timedelta(hours=1)), form="csv")
    lines = b"".join(chunks).decode().splitlines()
    return (line.split(",")[6] for line in lines[1:])
