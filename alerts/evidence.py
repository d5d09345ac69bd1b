"""The evidence that is frozen into an incident when a rule fires."""

from __future__ import annotations

from datetime import timedelta

from alerts.params import ErrorCountParams, Params
from alerts.state_machine import Sample
from deployments.models import Deployment
from deployments.queries import last_ended
from incidents.evidence import SAMPLES, DeploymentFact, Evidence, SampleLine, sample_line
from logs.reading import LogScope, Matching, Query, sample_lines
from pulseops.core.db.statement_timeout import BoundedQueryError
from services.models import Environment
from services.scopes import Scope, Scopes

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
    since = sample.at - timedelta(minutes=params.window_minutes)
    query = Query(service.org_id, scopes, since, Matching(params.level, params.query))
    place = LogScope(service.org_id, service.pk, environment.pk)
    try:
        rows = sample_lines(query, place, sample.at, limit=SAMPLES, seconds=2)
    except BoundedQueryError:  # an incident without samples is better than none
        return ()
    return tuple(sample_line(*row) for row in rows)


def _last_deployment(environment: Environment, sample: Sample, status: str = "") -> DeploymentFact | None:
    found = last_ended(environment, sample.at, status=status, within=None if status else _SUSPECT_WITHIN)
    if found is None:
        return None
    return DeploymentFact(found.pk, found.commit_sha, found.title[:200], found.status, found.status_changed_at)
