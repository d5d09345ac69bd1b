"""What an organisation's machines were refused by a limit: no one looks at a machine's 429, so its owner is shown it.

Counted by the limit's setting, hour by hour, at least: see pulseops.core.tally.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import DatabaseError, connection, transaction
from django.db.models import OuterRef
from django.db.models.functions import Substr
from django.utils import timezone

from accounts.models import OrgUsage
from accounts.usage import HOUR, period_start, spend
from pulseops.core.db.compiled_rows import Parameter
from pulseops.core.tally import Tally

PREFIX = "refused:"  # of org_usage.kind; the setting follows
SHOWN = timedelta(days=1)
_tally = Tally()
log = logging.getLogger(__name__)

_IN_A_DAY = """
SELECT json_object_agg(substr(kind, %s), total) FROM (
    SELECT kind, sum(amount) AS total FROM org_usage WHERE org_id = %s AND kind LIKE %s AND period > %s GROUP BY kind
) AS refused
"""


def note_refused(org_id: UUID, setting: str) -> None:
    """Count that something of an organisation's was above the limit `setting`. Never fails."""
    if not (count := _tally.add((org_id, setting))):
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = '1s'")
            spend(org_id, f"{PREFIX}{setting}", limit=0, period=HOUR, amount=count)
    except DatabaseError:
        log.exception("refusals could not be counted", extra={"org_id": str(org_id), "setting": setting})


def refused_in_a_day(org_id: UUID) -> tuple[str, list[Any]]:
    """Return SQL, and its parameters, that gives how often an organisation met each limit in 24 hours, by setting."""
    return _IN_A_DAY, [len(PREFIX) + 1, org_id, f"{PREFIX}%", timezone.now() - SHOWN]


def lately() -> datetime:
    """Return the beginning of the hour before this one."""
    return period_start(HOUR, timezone.now() - HOUR)


def refused_since(moment: datetime | Parameter) -> ArraySubquery:
    """Return, as a part of a query of organisations, the settings of limits that were met since, hour by hour."""
    rows = OrgUsage.objects.filter(org=OuterRef("pk"), kind__startswith=PREFIX, period__gte=moment)
    return ArraySubquery(rows.order_by("kind").values(setting=Substr("kind", len(PREFIX) + 1)).distinct())
