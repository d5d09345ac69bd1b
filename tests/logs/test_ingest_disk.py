"""Batches are refused before the disk is full."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.db import connection

from logs.ingest.disk import disk_gate
from logs.models import LogEntry
from tests.logs.conftest import Send

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connection.settings_dict["ENGINE"] != "pulseops.core.postgres", reason="the disk of another server is not ours"
    ),
]


@pytest.fixture
def looking() -> Iterator[None]:
    """Let the next batch look at the disk, and the one after this test too."""
    disk_gate._looked_at = -10.0
    yield
    disk_gate._looked_at, disk_gate._has_room = -10.0, True


def test_a_disk_that_is_nearly_full(send: Send, looking: None, settings: pytest.FixtureRequest) -> None:
    disk = os.statvfs(connection.settings_dict.get("EMBEDDED", {}).get("DIRECTORY") or "/")
    settings.INGEST_MIN_FREE_BYTES = disk.f_blocks * disk.f_frsize * 10  # type: ignore[attr-defined]
    response = send([{"message": "a"}])
    assert (response.status_code, response.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert response["Retry-After"] == "60"
    assert not LogEntry.objects.exists()


def test_a_disk_with_room(send: Send, looking: None, settings: pytest.FixtureRequest) -> None:
    settings.INGEST_MIN_FREE_BYTES = 1  # type: ignore[attr-defined]
    assert send([{"message": "a"}]).status_code == 200
