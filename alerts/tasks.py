"""The worker's part: evaluating every rule, and the end of old firings."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from alerts.evaluate import evaluate
from alerts.lag import note_oldest_turn
from alerts.models import AlertFiring
from pulseops.core.jobs.registry import Result, recorded_job

FIRINGS_KEPT = timedelta(days=90)


@recorded_job("evaluate_alerts", every=timedelta(minutes=1))
def evaluate_alerts() -> Result:
    """Evaluate every rule of every organisation. The dispatcher does so every 30 s; the schedule is the safety net."""
    report = evaluate()
    note_oldest_turn()
    return report.to_json()


@recorded_job("trim_firings", every=timedelta(hours=6))
def trim_firings() -> Result:
    """Delete firings that ended 90 days ago; their incidents stay."""
    old = AlertFiring.objects.filter(resolved_at__lt=timezone.now() - FIRINGS_KEPT)
    deleted, _ = old.delete()
    return {"deleted": deleted}
