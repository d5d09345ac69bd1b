"""What pages of an organisation may see of channels and messages."""

from __future__ import annotations

from pulseops.core.db.row_policies import of_org, register

register(
    {
        "notification_channels": of_org(),
        "notification_jobs": of_org(),
        "notification_attempts": of_org(may="SELECT"),
        "notification_received_events": of_org(may="SELECT"),
    }
)
