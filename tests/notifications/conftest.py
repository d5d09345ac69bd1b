"""What the tests of deliveries share."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from notifications.models import Job


@pytest.fixture
def loopback(settings: Settings) -> None:
    """Let messages go to receivers on this machine, and give these half a second."""
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1", "localhost"]
    settings.NOTIFICATION_TIMEOUT_SECONDS = 0.5


def states() -> list[tuple[str, int | None, str | None]]:
    """Return the state, attempts and last error of each message, oldest first."""
    return list(Job.objects.order_by("created_at", "id").values_list("status", "attempts", "last_error"))
