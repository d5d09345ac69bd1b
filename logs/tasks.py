"""The recorded jobs of the log store."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from logs.ingest.refusals import forget_refusals
from logs.ingest_rules.counts import trim_counts
from logs.models import IngestReceipt
from logs.storage import rollup
from logs.storage.blocks.seal import Sealed, seal
from logs.storage.partitions import make_days_ahead, move_strays, partitions
from logs.storage.retention import delete_expired
from logs.storage.turn import PARTITIONS_TURN
from pulseops.core.db.answer_timeout import HOURS, locks_may_take
from pulseops.core.db.distribution import Containment
from pulseops.core.jobs.low_priority import at_low_priority
from pulseops.core.jobs.registry import Result, recorded_job

RECEIPTS_KEPT = timedelta(hours=24)
_CHECK_SECONDS, _SEAL_SECONDS = 300, 30


@recorded_job("forget_ingest_receipts", every=timedelta(hours=1))
def forget_ingest_receipts() -> Result:
    """Delete the answers to batches that no one may repeat any more."""
    deleted, _ = IngestReceipt.objects.filter(created_at__lte=timezone.now() - RECEIPTS_KEPT).delete()
    return {"deleted": deleted}


@recorded_job("forget_ingest_refusals", every=timedelta(hours=1))
def forget_ingest_refusals() -> Result:
    """Delete the counts of refused entries that are older than seven days."""
    return {"deleted": forget_refusals()}


@recorded_job("delete_expired_logs", every=timedelta(hours=1), turn=PARTITIONS_TURN)
def delete_expired_logs() -> Result:
    """Delete the logs that are older than their service keeps them."""
    expired = delete_expired()
    return {"deleted": expired.deleted, "dropped": expired.dropped}


@recorded_job("keep_log_partitions", every=timedelta(minutes=30), turn=PARTITIONS_TURN)
def keep_log_partitions() -> Result:
    """Make the days to come, and give days of their own to logs that found none."""
    return {"made": make_days_ahead(timezone.now()), "moved": move_strays()}


@recorded_job("seal_logs", every=timedelta(minutes=1), turn=PARTITIONS_TURN)
def seal_logs(now: datetime | None = None) -> Result:
    """Make blocks of logs that are over, for some seconds; the next run goes on. Nothing where LOG_SEAL is off."""
    if not settings.LOG_SEAL:
        return {"logs": 0, "blocks": 0, "failed": 0, "dropped": []}

    def work() -> Sealed:
        with locks_may_take(HOURS):  # the thread has a connection of its own
            return seal(now or timezone.now(), seconds=_SEAL_SECONDS)

    sealed = at_low_priority(work)
    return {"logs": sealed.logs, "blocks": sealed.blocks, "failed": sealed.failed, "dropped": sealed.dropped}


@recorded_job("merge_log_counts", every=timedelta(minutes=1))
def merge_log_counts() -> Result:
    """Make one row of all counts of the same minute, level and scope."""
    return rollup.merge()


@recorded_job("check_log_counts", every=timedelta(hours=24))
def check_log_counts() -> Result:
    """Prove that the counts equal the rows, the newest days first, for up to five minutes; put right what does not."""
    until = time.monotonic() + _CHECK_SECONDS
    days = logs = wrong = 0
    contained = Containment()
    for partition in reversed(partitions()):
        if time.monotonic() > until:
            break
        if not partition.is_default:
            checked = rollup.repair_each(partition.start, partition.end, contained)
            days, logs, wrong = days + 1, logs + checked.logs, wrong + checked.wrong_minutes
    contained.raise_failure()
    return {"days": days, "logs": logs, "wrong_minutes": wrong}


@recorded_job("trim_rule_counts", every=timedelta(hours=24))
def trim_rule_counts() -> Result:
    """Delete what was counted of ingest rules a month ago."""
    return {"deleted": trim_counts()}
