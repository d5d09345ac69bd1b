"""From a report to the one deployment that it is about."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from deployments.github.payloads import Rollout
from deployments.models import Deployment
from deployments.states import PENDING, PRECISION
from pulseops.core.db.advisory_locks import transaction_lock
from pulseops.core.extensions import AFTER_DEPLOYMENT
from services.models import Environment

Source = Deployment.Source
_BY_GITHUB = [Source.PUSH, Source.RUN, Source.DEPLOYMENT]


def record_rollout(*, environment: Environment, rollout: Rollout, delivery_id: str) -> Deployment:
    """Let `rollout` count: update the deployment that it is about, or make it.

    Runs inside the caller's transaction. Reports of one commit wait for each other; the unique keys of the table hold
    even if that were broken. The order in which reports come makes no difference to what they end in.
    """
    assert transaction.get_connection().in_atomic_block
    transaction_lock(f"deployment:{environment.pk}:{rollout.commit_sha}")
    deployment = _find(environment, rollout)
    if deployment is None:
        deployment = _begun(environment, rollout, delivery_id)
    before = deployment.status
    absorb(deployment, rollout, timezone.now())
    deployment.save()
    if deployment.is_final and deployment.status != before:
        tell_of_end(deployment)
    return deployment


def tell_of_end(deployment: Deployment) -> None:
    """Let other apps know that a deployment has just ended; runs inside the transaction of that change."""
    for tell in AFTER_DEPLOYMENT:
        tell(deployment.org_id)


def _begun(environment: Environment, rollout: Rollout, delivery_id: str) -> Deployment:
    return Deployment(
        org_id=environment.service.org_id,
        service_id=environment.service_id,
        environment=environment,
        commit_sha=rollout.commit_sha,
        status=PENDING.status,
        created_at=rollout.begun_at,
        github_delivery_id=delivery_id,
    )


def _find(environment: Environment, rollout: Rollout) -> Deployment | None:
    """Find what the rollout is about: what has its key, else what has none yet and is of the same commit."""
    about = Q(commit_sha=rollout.commit_sha)
    if rollout.run_id:
        about |= Q(run_id=rollout.run_id, run_attempt=rollout.run_attempt)
    if rollout.github_deployment_id:
        about |= Q(github_deployment_id=rollout.github_deployment_id)
    rows = Deployment.objects.filter(
        about, environment=environment, service_id=environment.service_id, source__in=_BY_GITHUB
    ).order_by("run_id", "run_attempt", "id")
    candidates = list(rows)
    return next((row for row in candidates if _has_key(row, rollout)), None) or next(
        (row for row in candidates if _is_open_to(row, rollout)), None
    )


def _has_key(row: Deployment, rollout: Rollout) -> bool:
    if rollout.run_id:
        return (row.run_id, row.run_attempt) == (rollout.run_id, rollout.run_attempt)
    if rollout.github_deployment_id:
        return row.github_deployment_id == rollout.github_deployment_id
    return row.source == Source.PUSH


def _is_open_to(row: Deployment, rollout: Rollout) -> bool:
    """Return whether `row` may be about the same rollout: a push names no run, a bare deployment no run's id."""
    if row.commit_sha != rollout.commit_sha:
        return False
    if rollout.run_id:
        return row.run_id is None
    if rollout.github_deployment_id:
        return row.github_deployment_id is None
    return True


def absorb(row: Deployment, rollout: Rollout, now: datetime) -> None:
    """Change `row` by what `rollout` says; the same reports come to the same in any order and however often."""
    _absorb_key(row, rollout)
    _absorb_description(row, rollout)
    _absorb_beginning(row, rollout)
    _absorb_state(row, rollout, now)


def _absorb_key(row: Deployment, rollout: Rollout) -> None:
    if rollout.run_id:
        row.run_id, row.run_attempt = rollout.run_id, rollout.run_attempt
        row.url = rollout.url or row.url
    row.github_deployment_id = row.github_deployment_id or rollout.github_deployment_id


def _absorb_description(row: Deployment, rollout: Rollout) -> None:
    if rollout.is_commit_known and not row.is_commit_known:
        row.commit_message, row.author = rollout.message, rollout.author
        row.is_commit_known = True
    row.commit_message = row.commit_message or rollout.message or None
    row.author = row.author or rollout.author or None
    row.branch = row.branch or rollout.branch or None
    row.run_label = row.run_label or rollout.run_label
    row.url = row.url or rollout.url or None


def _absorb_beginning(row: Deployment, rollout: Rollout) -> None:
    """The most precise source's times hold, of equal ones the earliest. A push began nothing that can be timed."""
    ours, theirs = PRECISION[row.source], PRECISION[rollout.source]
    if theirs > ours:
        row.source, row.created_at = rollout.source, rollout.begun_at
    elif theirs == ours:
        row.created_at = min(row.created_at, rollout.begun_at)
    row.started_at = None if row.source == Source.PUSH else row.created_at


def _absorb_state(row: Deployment, rollout: Rollout, now: datetime) -> None:
    if rollout.certainty > row.certainty:
        if row.status != rollout.status:
            row.status_changed_at = now
        row.certainty, row.status = rollout.certainty, rollout.status
        row.outcome, row.finished_at = rollout.outcome, rollout.finished_at
    elif rollout.certainty == row.certainty and rollout.finished_at and row.finished_at:
        later = max((row.finished_at, row.outcome), (rollout.finished_at, rollout.outcome))
        row.finished_at, row.outcome = later
