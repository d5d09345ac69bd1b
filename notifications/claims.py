"""Taking messages out of the outbox. Each claim is one short transaction.

One channel is served by one deliverer at a time, so its messages keep their order; a deliverer that dies keeps a
channel from the others only until its lease ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import UUIDField
from django.utils import timezone

from accounts.queries import suspended_org_ids
from notifications.models import TEST_EVENT, Channel, Job
from pulseops.core.db.compiled_rows import CompiledRows, Parameter

GATHER = timedelta(seconds=30)  # after a message a channel's next ones are gathered into one for so long
PER_ORG = 4  # deliveries at once for one organisation

# A channel with due work that no one is serving: one that works before one that fails, then who has waited longest.
# Reads the due jobs by idx_notification_jobs_status_next_attempt, groups them, and probes the channels by key.
_PICK = """
WITH due AS (
    SELECT channel_id, min(created_at) AS oldest,
        bool_or(batch IS NOT NULL OR type = %(test)s) AS is_ready
    FROM notification_jobs
    WHERE status IN ('pending', 'processing') AND next_attempt_at <= %(now)s AND channel_id IS NOT NULL
        AND (status = 'pending' OR attempts < %(attempts)s)
    GROUP BY channel_id
), busy AS (
    SELECT org_id, channel_id FROM notification_jobs
    WHERE status = 'processing' AND next_attempt_at > %(now)s GROUP BY org_id, channel_id
)
SELECT c.id FROM notification_channels c JOIN due ON due.channel_id = c.id
WHERE c.enabled
    AND c.org_id <> ALL (%(resting)s)
    AND (c.paused_until IS NULL OR c.paused_until <= %(now)s)
    AND (c.gather_until IS NULL OR c.gather_until <= %(now)s OR due.is_ready)
    AND c.id <> ALL (%(skip)s)
    AND c.id NOT IN (SELECT channel_id FROM busy WHERE channel_id IS NOT NULL)
    AND (SELECT count(*) FROM busy WHERE busy.org_id = c.org_id) < %(per_org)s
    AND COALESCE(NULLIF(c.receiver, ''), lower(substring(c.config_json ->> 'webhook_url' FROM '://([^/:]+)')), '')
        <> ALL (%(avoid)s)
ORDER BY c.failures > 0, due.oldest
LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""

# What is due but has to wait for an earlier message about the same incident is due when that one is, unless someone
# serves the channel just now.
_POSTPONE = """
UPDATE notification_jobs j
SET next_attempt_at = e.next_attempt_at
FROM (
    SELECT min(next_attempt_at) AS next_attempt_at FROM notification_jobs
    WHERE channel_id = %(channel)s AND status IN ('pending', 'processing') AND next_attempt_at > %(now)s
        AND batch IS NOT NULL
) e
WHERE j.channel_id = %(channel)s AND j.status = 'pending' AND j.next_attempt_at <= %(now)s
    AND (j.batch IS NOT NULL OR %(may_gather)s)
    AND e.next_attempt_at IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM notification_jobs b
        WHERE b.channel_id = %(channel)s AND b.status = 'processing' AND b.next_attempt_at > %(now)s)
"""

# The channel's next message: a test by itself, or one that was on its way before, or all that is waiting. A message
# about an incident waits while an earlier one about it is still on its way. The lease is looked for again, because
# the row that _PICK saw may have been served between its snapshot and its lock.
_TAKE = """
WITH sealed AS MATERIALIZED (
    SELECT subject_id, batch, created_at, id FROM notification_jobs
    WHERE channel_id = %(channel)s AND status IN ('pending', 'processing') AND batch IS NOT NULL
        AND subject_id IS NOT NULL
), due AS MATERIALIZED (
    SELECT j.id, j.batch, j.type, j.created_at FROM notification_jobs j
    WHERE j.channel_id = %(channel)s AND j.status IN ('pending', 'processing') AND j.next_attempt_at <= %(now)s
        AND (j.status = 'pending' OR j.attempts < %(attempts)s)
        AND (j.batch IS NOT NULL OR j.type = %(test)s OR %(may_gather)s)
        AND NOT EXISTS (
            SELECT 1 FROM sealed e
            WHERE e.subject_id = j.subject_id AND e.batch IS DISTINCT FROM j.batch
                AND (e.created_at, e.id) < (j.created_at, j.id))
        AND NOT EXISTS (
            SELECT 1 FROM notification_jobs
            WHERE channel_id = %(channel)s AND status = 'processing' AND next_attempt_at > %(now)s)
), head AS (
    SELECT id, batch, type FROM due ORDER BY type <> %(test)s, created_at, id LIMIT 1
), chosen AS (
    SELECT due.id FROM due, head
    WHERE CASE
        WHEN head.batch IS NOT NULL THEN due.batch = head.batch
        WHEN head.type = %(test)s THEN due.id = head.id
        ELSE due.batch IS NULL AND due.type <> %(test)s END
    ORDER BY due.created_at, due.id LIMIT %(limit)s
)
UPDATE notification_jobs j
SET status = 'processing', lease = %(lease)s, batch = COALESCE(j.batch, %(lease)s),
    attempts = COALESCE(j.attempts, 0) + 1, next_attempt_at = %(now)s + %(lease_time)s
FROM chosen WHERE j.id = chosen.id
RETURNING j.*
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One message to be sent now: its jobs, oldest first, and the lease under which they are held."""

    lease: uuid.UUID
    channel: Channel
    jobs: tuple[Job, ...]
    thread: str = ""  # the receipt of the first message about the incident, if this one can reply to it

    @property
    def message_id(self) -> str:
        """What the message is called, also when it is sent again."""
        return str(self.jobs[0].batch)


def claim_message(avoid: Collection[str] = ()) -> Claim | None:
    """Take the next message that is due, of a channel whose receiver is not in `avoid`; None when there is none."""
    skip: list[uuid.UUID] = []
    resting = suspended_org_ids()
    while True:
        with transaction.atomic():
            channel = _pick(avoid, skip, resting)
            if channel is None:
                return None
            claim = _take(channel)
        if claim:
            return claim
        skip.append(channel.pk)


def _pick(avoid: Collection[str], skip: list[uuid.UUID], resting: list[uuid.UUID]) -> Channel | None:
    rows = _rows(_PICK, {**_common(), "per_org": PER_ORG, "avoid": list(avoid), "skip": skip, "resting": resting})
    channel: Channel | None = _CHANNEL.get(id=rows[0][0]) if rows else None
    return channel


_CHANNEL = CompiledRows(lambda: Channel.objects.select_related("org").filter(pk=Parameter("id", UUIDField())))


def _take(channel: Channel) -> Claim | None:
    lease = uuid.uuid4()
    values = _common()
    now = values["now"]
    values |= {
        "channel": channel.pk,
        "may_gather": channel.gather_until is None or channel.gather_until <= now,
        "lease": lease,
        "lease_time": timedelta(seconds=settings.NOTIFICATION_LEASE_SECONDS),
        "limit": channel.kind.batch,
    }
    jobs = tuple(sorted(Job.objects.raw(_TAKE, values), key=lambda job: (job.created_at, job.pk)))
    if not jobs:
        _rows(_POSTPONE + " RETURNING 1", values)
        return None
    if jobs[0].batch == lease and jobs[0].type != TEST_EVENT and channel.kind.batch > 1:
        Channel.objects.filter(pk=channel.pk).update(gather_until=now + GATHER)
    return Claim(lease, channel, jobs, _thread(channel, jobs))


def _thread(channel: Channel, jobs: Sequence[Job]) -> str:
    """Return the receipt of the channel's first message about the one incident that `jobs` are about, "" for none."""
    subjects = {job.subject_id for job in jobs}
    if not channel.kind.threads or len(subjects) != 1 or None in subjects:
        return ""
    sent = Job.objects.filter(channel=channel, subject_id__in=subjects, receipt__isnull=False).order_by("sent_at", "pk")
    return sent.values_list("receipt", flat=True).first() or ""


def _common() -> dict[str, Any]:
    return {"now": timezone.now(), "test": TEST_EVENT, "attempts": settings.NOTIFICATION_ATTEMPTS}


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
