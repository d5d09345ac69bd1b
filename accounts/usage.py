"""What organisations use in a period: in rows of `org_usage`, added to by a statement that knows the limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

# Adds to the period's amount if that stays within the limit (0: none); a row comes back only then. One row an
# organisation, kind and period, found by the primary key.
_SPEND = """
INSERT INTO org_usage AS used (org_id, kind, period, amount) VALUES (%(org)s, %(kind)s, %(period)s, %(amount)s)
ON CONFLICT (org_id, kind, period) DO UPDATE SET amount = used.amount + excluded.amount
    WHERE %(limit)s = 0 OR used.amount + excluded.amount <= %(limit)s
RETURNING amount
"""

_SPENT = "SELECT json_object_agg(kind, amount) FROM org_usage WHERE org_id = %s AND period IN (%s, %s)"


def period_start(length: timedelta, now: datetime | None = None) -> datetime:
    """Return when the running day, hour or minute (UTC) began."""
    now = (now or timezone.now()).astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (now - midnight) // length * length


def seconds_left(length: timedelta) -> int:
    """Return how many seconds, at least 1, the running day or minute has still."""
    return max(1, round((period_start(length) + length - timezone.now()).total_seconds()))


def spend(org_id: UUID, kind: str, *, limit: int, period: timedelta, amount: int = 1) -> int | None:
    """Add to what an organisation has used in the running period; None, and nothing added, if it exceeds `limit`.

    Returns how much is used now. A limit of 0 is none.
    """
    values: dict[str, Any] = {
        "org": org_id,
        "kind": kind,
        "period": period_start(period),
        "amount": amount,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, values)
        row = cursor.fetchone()
    return int(row[0]) if row else None


def spent_now(org_id: UUID) -> tuple[str, list[Any]]:
    """Return SQL, and its parameters, that gives what an organisation has used of each kind in its running period."""
    now = timezone.now()
    return _SPENT, [org_id, period_start(DAY, now), period_start(MINUTE, now)]
