"""What went wrong lately for one organisation, beside what its incidents say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts.models import Org
from notifications.messages import heading

SINCE = timedelta(days=7)
MOST = 10  # of each kind

# Rules that cannot be evaluated, the newest messages that were given up and deliveries that were not understood.
_MISHAPS = """
    (SELECT NULL::timestamptz, NULL, 'Alert rule ' || name, problem FROM alert_rules
     WHERE org_id = %(org)s AND problem <> '' ORDER BY name LIMIT %(most)s)
    UNION ALL
    (SELECT j.created_at, j.type, coalesce(nullif(c.name, ''), initcap(c.type), 'a channel that is gone'),
        coalesce(j.last_error, '')
     FROM notification_jobs j LEFT JOIN notification_channels c ON c.id = j.channel_id
     WHERE j.org_id = %(org)s AND j.status = 'failed' AND j.created_at >= %(since)s
     ORDER BY j.created_at DESC LIMIT %(most)s)
    UNION ALL
    (SELECT e.received_at, NULL, 'GitHub delivery ' || e.event_type || ' ' || e.delivery_id, e.reason
     FROM webhook_effects e JOIN github_integrations i ON i.id = e.integration_id JOIN services s ON s.id = i.service_id
     WHERE s.org_id = %(org)s AND e.result = 'invalid' AND e.received_at >= %(since)s
     ORDER BY e.received_at DESC LIMIT %(most)s)
"""


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that did not work; `at` is None where it goes on now."""

    at: datetime | None
    what: str
    text: str


def mishaps(org: Org, now: datetime) -> list[Mishap]:
    """Return what went wrong in the last seven days, what goes on first; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_MISHAPS, {"org": org.pk, "since": now - SINCE, "most": MOST})
        return [
            Mishap(at, f"Message “{heading(event)}” to {what}" if event else what, text)
            for at, event, what, text in cursor.fetchall()
        ]
