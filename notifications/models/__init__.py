"""Where messages go, the outbox of those on their way, and what services tell us back."""

from __future__ import annotations

from notifications.models.outbox import TEST_EVENT, Channel, DeliveryAttempt, Job
from notifications.models.received import ReceivedEvent

__all__ = ["TEST_EVENT", "Channel", "DeliveryAttempt", "Job", "ReceivedEvent"]
