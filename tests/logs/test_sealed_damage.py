"""Sealed logs that cannot be read: pages say so and show the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from logs.explorer.export import export
from logs.models import LogBlock
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.session import search_session
from logs.search.slices import Window
from pulseops.diagnostics.storage import storage
from services.models import Service
from services.scopes import scopes_of
from tests.logs.reading import page, rows
from tests.logs.sealed_logs import NOW
from tests.support.factories import make_log, make_service
from tests.support.sealing import seal_everything

DAY = timedelta(days=1)


@pytest.mark.django_db
def test_a_damaged_block_is_said_and_the_rest_is_shown(client_for: Callable[[User], Client], viewer: User) -> None:
    service, now = make_service(viewer.memberships.get().org, "api"), timezone.now()
    make_log(service, "in the damaged one", ts=now - timedelta(minutes=3))
    seal_everything()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE log_blocks SET message = substr(message, 1, 20), narrow = set_byte(narrow, 15, 7)")
    make_log(service, "in the good one", ts=now - timedelta(minutes=2), environment="staging")
    seal_everything()
    seen = page(client_for(viewer), "q=one")
    assert rows(seen) == ["in the good one"]
    assert "1 block of sealed logs is damaged" in seen
    assert rows(page(client_for(viewer), "")) == ["in the good one"]
    [known] = storage([]).damaged  # type: ignore[union-attr]
    assert (known.org, known.blocks.blocks, known.blocks.logs) == (service.org.name, 1, 1)
    assert known.blocks.ids == list(LogBlock.objects.exclude(damaged_at=None).values_list("id", flat=True))


@pytest.mark.django_db
def test_older_logs_take_the_places_of_those_that_cannot_be_read(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    for hours, environment in ((30, "staging"), (31, "staging"), (32, "production"), (33, "production")):
        make_log(service, f"{hours} hours old", ts=NOW - timedelta(hours=hours), environment=environment)
    seal_everything()
    newest = LogBlock.objects.latest("end_ts")
    LogBlock.objects.filter(pk=newest.pk).update(message=bytes(newest.message)[:20])
    search = prepare(service.org_id, parse(""), scopes_of(service.org))
    window = Window(NOW - 2 * DAY, NOW)
    with search_session(service.org_id) as session:
        found = newest_page(session, search, window, now=NOW, seconds=5, limit=2)
    assert [row.message for row in found.rows] == ["32 hours old", "33 hours old"]
    assert session.damage == {newest.pk}
    assert [record.message for record in caplog.records] == ["a block of logs is damaged"]  # once, not for each log
    exported = b"".join(export(search, window, form="ndjson")).splitlines()
    assert [json.loads(line)["message"] for line in exported] == ["32 hours old", "33 hours old"]
