"""The evidence that is frozen into an incident when a rule fires."""

from __future__ import annotations

from datetime import timedelta

from alerts.filters import compiled
from alerts.params import ErrorCountParams, Params
from alerts.state_machine import Sample
from deployments.models import Deployment
from incidents.evidence import SAMPLES, DeploymentFact, Evidence, SampleLine, sample_line
from pulseops.core.db.statement_timeout import BoundedQueryError, fetch_within
from services.models import Environment
from services.scopes import Scope, Scopes

_SUSPECT_WITHIN = timedelta(hours=1)
_LINES = """
SELECT id, ts, level, left(message, 1001) FROM logs
WHERE org_id = %s AND service_id = %s AND environment_id = %s AND created_at > %s AND created_at <= %s
    AND (%s = '' OR level = %s) AND ({filter})
ORDER BY created_at DESC, id DESC LIMIT %s
"""


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
        samples=_lines(params, environment, sample),
        deployment=_last_deployment(environment, sample),
    )


def words(params: Params, count: int) -> str:
    """Say what was counted."""
    if isinstance(params, ErrorCountParams):
        what = f"{params.level} logs" if params.level else "logs"
        return f"{count:,} {what} in {params.window_minutes} min."
    return "a deployment failed." if count == 1 else f"{count} deployments in a row failed."


def _lines(params: ErrorCountParams, environment: Environment, sample: Sample) -> tuple[SampleLine, ...]:
    service = environment.service
    scopes = Scopes((Scope(service.pk, service.name, environment.pk, environment.name),))
    condition = compiled(params.query, scopes)
    since = sample.at - timedelta(minutes=params.window_minutes)
    values = [service.org_id, service.pk, environment.pk, since, sample.at, params.level, params.level]
    try:
        rows = fetch_within(2, _LINES.format(filter=condition.sql), [*values, *condition.params, SAMPLES])
    except BoundedQueryError:  # an incident without samples is better than none
        return ()
    return tuple(sample_line(*row) for row in rows)


def _last_deployment(environment: Environment, sample: Sample, status: str = "") -> DeploymentFact | None:
    rows = Deployment.objects.filter(environment=environment, status_changed_at__lte=sample.at)
    rows = rows.filter(status=status) if status else rows.filter(status_changed_at__gt=sample.at - _SUSPECT_WITHIN)
    found = rows.order_by("-status_changed_at", "-id").first()
    if found is None:
        return None
    return DeploymentFact(found.pk, found.commit_sha, found.title[:200], found.status, found.status_changed_at)
