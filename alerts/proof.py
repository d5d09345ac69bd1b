"""The evidence that is frozen into an incident when a rule fires."""

from __future__ import annotations

from datetime import timedelta

from alerts.evaluator import Sample
from alerts.params import ErrorCountParams, Params
from deployments.models import Deployment
from incidents.evidence import SAMPLES, DeploymentFact, Evidence, sample_line
from logs.models import LogEntry
from services.models import Environment

_SUSPECT_WITHIN = timedelta(hours=1)


def gather(params: Params, environment: Environment, sample: Sample) -> Evidence:
    """Collect count, threshold, sample lines and the deployment that may be the cause, as they are now."""
    if not isinstance(params, ErrorCountParams):
        deployment = _last_deployment(environment, sample, Deployment.Status.FAILURE)
        return Evidence(at=sample.at, count=sample.count, threshold=1, deployment=deployment)
    return Evidence(
        at=sample.at,
        count=sample.count,
        threshold=params.threshold,
        window_minutes=params.window_minutes,
        level=params.level,
        filter=params.query,
        samples=tuple(
            sample_line(line.pk, line.ts, line.level, line.message) for line in _lines(params, environment, sample)
        ),
        deployment=_last_deployment(environment, sample),
    )


def words(params: Params, count: int) -> str:
    """Say what was counted."""
    if isinstance(params, ErrorCountParams):
        what = f"{params.level} logs" if params.level else "logs"
        return f"{count:,} {what} in {params.window_minutes} min."
    return "a deployment failed." if count == 1 else f"{count} deployments in a row failed."


def _lines(params: ErrorCountParams, environment: Environment, sample: Sample) -> list[LogEntry]:
    since = sample.at - timedelta(minutes=params.window_minutes)
    rows = LogEntry.objects.filter(
        org_id=environment.service.org_id,
        service_id=environment.service_id,
        environment_id=environment.pk,
        created_at__gt=since,
        created_at__lte=sample.at,
    )
    if params.level:
        rows = rows.filter(level=params.level)
    return list(rows.order_by("-created_at", "-id")[:SAMPLES])


def _last_deployment(environment: Environment, sample: Sample, status: str = "") -> DeploymentFact | None:
    rows = Deployment.objects.filter(environment=environment, status_changed_at__lte=sample.at)
    rows = rows.filter(status=status) if status else rows.filter(status_changed_at__gt=sample.at - _SUSPECT_WITHIN)
    found = rows.order_by("-status_changed_at", "-id").first()
    if found is None:
        return None
    return DeploymentFact(found.pk, found.commit_sha, found.title[:200], found.status, found.status_changed_at)
