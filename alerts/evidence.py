"""Parts of the evidence that is frozen into an incident when a rule fires."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from deployments.cards import error_changes
from deployments.queries import last_ended
from incidents.evidence import SAMPLES, DeploymentFact, SampleLine, sample_line
from logs.reading import LogScope, Matching, Query, first_time, sample_lines
from pulseops.core.db.statement_timeout import BoundedQueryError
from services.models import Environment
from services.scopes import Scope, Scopes

_SUSPECT_WITHIN = timedelta(hours=1)


def last_lines(
    environment: Environment, matching: Matching, since: datetime, until: datetime
) -> tuple[SampleLine, ...]:
    """Return the matching lines of an environment that were received last in (since, until]."""
    place, query = _within(environment, matching, since)
    try:
        rows = sample_lines(query, place, until, limit=SAMPLES, seconds=2)
    except BoundedQueryError:  # an incident without samples is better than none
        return ()
    return tuple(sample_line(*row) for row in rows)


def first_line_at(environment: Environment, matching: Matching, since: datetime, until: datetime) -> datetime | None:
    """Return the time of the matching line that was received first in (since, until]; None if that takes too long."""
    place, query = _within(environment, matching, since)
    try:
        return first_time(query, place, until, seconds=0.5)
    except BoundedQueryError:
        return None


def _within(environment: Environment, matching: Matching, since: datetime) -> tuple[LogScope, Query]:
    service = environment.service
    scopes = Scopes((Scope(service.pk, service.name, environment.pk, environment.name),))
    return LogScope(service.org_id, service.pk, environment.pk), Query(service.org_id, scopes, since, matching)


def suspect(environment: Environment, at: datetime) -> DeploymentFact | None:
    """Return the deployment that may be the cause: the last that ended in the hour before `at`."""
    return last_deployment(environment, at, within=_SUSPECT_WITHIN)


def last_deployment(
    environment: Environment, at: datetime, *, status: str = "", within: timedelta | None = None
) -> DeploymentFact | None:
    """Return the last deployment up to `at`: one of that `status`, one in the time `within`."""
    deployment = last_ended(environment, at, status=status, within=within)
    if deployment is None:
        return None
    fact = DeploymentFact(
        deployment.pk, deployment.commit_sha, deployment.title[:200], deployment.status, deployment.status_changed_at
    )
    if change := error_changes(environment.service.org, [deployment]).get(deployment.pk):
        return replace(fact, errors_before=change.before, errors_after=change.after, is_clear=change.is_clear)
    return fact
