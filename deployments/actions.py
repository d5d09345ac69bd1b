"""What changes integrations and deployments: people on the pages, and CI systems through the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import User
from deployments.github.queries import integrations_of_former_keys
from deployments.github.signatures import derive_secret, hash_secret
from deployments.github.webhook import reapply
from deployments.models import Deployment, GitHubIntegration, WebhookEffect
from deployments.rollouts import tell_of_end
from deployments.states import certainty
from pulseops.core.db.advisory_locks import transaction_lock
from services.models import Service
from services.queries import lock_service

Status, Source = Deployment.Status, Deployment.Source


class AlreadyConnectedError(Exception):
    """The service has an integration already."""


class NothingToReplayError(Exception):
    """The delivery left nothing that could be done again."""


class AlreadyEndedError(Exception):
    """The deployment has ended otherwise; the message says how."""


# -- Integrations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connection:
    """What an admin chose: the repository, and what goes where. See GitHubIntegration for the mappings."""

    repo_owner: str
    repo_name: str
    environment_mapping: Mapping[str, str]
    environment_names: Mapping[str, str]
    workflows: Sequence[str]


@transaction.atomic
def connect_repository(*, actor: User, service: Service, connection: Connection) -> GitHubIntegration:
    """Make the integration of `service`, with the first version of its secret; raises AlreadyConnectedError."""
    lock_service(service)
    if GitHubIntegration.objects.filter(service=service).exists():
        raise AlreadyConnectedError
    integration = GitHubIntegration(service=service)
    _set_connection(integration, connection)
    _renew_secret(integration, shown_to=actor)
    integration.save(force_insert=True)
    _record(actor, integration, "github_integration.created", repository=integration.repository)
    return integration


@transaction.atomic
def change_connection(*, actor: User, integration: GitHubIntegration, connection: Connection) -> GitHubIntegration:
    """Change repository or mapping; the secret stays. Nothing is written when nothing differs."""
    locked = _locked(integration)
    before = _connection_of(locked)
    _set_connection(locked, connection)
    after = _connection_of(locked)
    changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if changes:
        locked.save(update_fields=list(changes))
        _record(actor, locked, "github_integration.updated", changes=changes)
    return locked


@transaction.atomic
def rotate_secret(*, actor: User, integration: GitHubIntegration, is_shown: bool = True) -> GitHubIntegration:
    """Give the integration its next secret; what is signed with the one before is refused from now on.

    `is_shown`: to `actor`; else it is no one's, until there is a next one.
    """
    locked = _locked(integration)
    _renew_secret(locked, shown_to=actor if is_shown else None)
    locked.last_refused_at = None
    locked.save(update_fields=["secret_version", "webhook_secret_hash", "secret_made_by", "last_refused_at"])
    _record(actor, locked, "github_integration.secret_rotated", version=locked.secret_version)
    return locked


@transaction.atomic
def note_former_keys() -> list[GitHubIntegration]:
    """Write into the log of each organisation which of its secrets end with a former SECRET_KEY; returns those."""
    outdated = integrations_of_former_keys()
    for each in outdated:
        _record(None, each, "github_integration.secret_outdated", repository=each.repository)
    return outdated


@transaction.atomic
def disconnect_repository(*, actor: User, integration: GitHubIntegration) -> None:
    """Remove the integration with its delivery log; the deployments stay."""
    locked = _locked(integration)
    _record(actor, locked, "github_integration.removed", repository=locked.repository)
    GitHubIntegration.objects.filter(pk=locked.pk).delete()


@transaction.atomic
def replay_delivery(*, actor: User, effect: WebhookEffect) -> WebhookEffect:
    """Do again what a stored delivery said, by today's mapping; raises NothingToReplayError.

    Doing it again to a deployment that has it already changes nothing.
    """
    rows = WebhookEffect.objects.select_related("integration__service__org")
    locked = rows.select_for_update(of=("self",)).get(pk=effect.pk)
    if not locked.can_replay or locked.integration is None:
        raise NothingToReplayError
    done = reapply(locked)
    _record(actor, locked.integration, "github_delivery.replayed", delivery_id=done.delivery_id, result=done.result)
    return done


def _locked(integration: GitHubIntegration) -> GitHubIntegration:
    rows = GitHubIntegration.objects.select_related("service__org")
    return rows.select_for_update(of=("self",)).get(pk=integration.pk)


def _set_connection(integration: GitHubIntegration, connection: Connection) -> None:
    integration.repo_owner, integration.repo_name = connection.repo_owner, connection.repo_name
    integration.environment_mapping = dict(connection.environment_mapping)
    integration.environment_names = dict(connection.environment_names)
    integration.workflows = list(connection.workflows)


def _connection_of(integration: GitHubIntegration) -> dict[str, Any]:
    names = ("repo_owner", "repo_name", "environment_mapping", "environment_names", "workflows")
    return {name: getattr(integration, name) for name in names}


def _renew_secret(integration: GitHubIntegration, *, shown_to: User | None) -> None:
    integration.secret_version += 1
    integration.secret_made_by = shown_to
    integration.webhook_secret_hash = hash_secret(derive_secret(integration))


def _record(actor: User | None, integration: GitHubIntegration, action: str, **meta: Any) -> None:
    meta["service"] = integration.service.name
    record(actor=actor, org=integration.service.org, action=action, resource=integration, meta=meta)


# -- The deployments API ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a deployment of the API goes: what its key is for."""

    org_id: UUID
    service_id: UUID
    environment_id: UUID


@dataclass(frozen=True, slots=True)
class Report:
    """What a CI system says of a deployment; texts are clean, an empty one was not given."""

    commit_sha: str
    status: Deployment.Status
    commit_message: str = ""
    author: str = ""
    branch: str = ""
    url: str = ""
    external_id: str = ""


@transaction.atomic
def report_deployment(*, scope: Scope, report: Report) -> tuple[Deployment, bool]:
    """Make a deployment, or move on the one that `report.external_id` names; return it, and whether it is new.

    Saying the same again changes nothing, and neither does a late "pending". Raises AlreadyEndedError when it has ended
    in success and is now said to have failed, or the other way round.
    """
    deployment = _known_deployment(scope, report)
    if deployment is None:
        return _make_deployment(scope, report), True
    if deployment.is_final and report.status not in {deployment.status, Status.PENDING}:
        raise AlreadyEndedError(f"This deployment ended in {deployment.status}.")
    _fill_in(deployment, report)
    if not deployment.is_final and report.status != Status.PENDING:
        _finish(deployment, report.status)
        tell_of_end(deployment)
    deployment.save()
    return deployment, False


def _known_deployment(scope: Scope, report: Report) -> Deployment | None:
    if not report.external_id:
        return None
    transaction_lock(f"deployment:{scope.environment_id}:{report.external_id}")
    return Deployment.objects.filter(
        service_id=scope.service_id, environment_id=scope.environment_id, external_id=report.external_id
    ).first()


def _make_deployment(scope: Scope, report: Report) -> Deployment:
    now = timezone.now()
    deployment = Deployment(
        org_id=scope.org_id,
        service_id=scope.service_id,
        environment_id=scope.environment_id,
        commit_sha=report.commit_sha,
        status=Status.PENDING,
        external_id=report.external_id or None,
        source=Source.API,
        is_commit_known=True,
        created_at=now,
        started_at=now if report.status == Status.PENDING else None,
    )
    _fill_in(deployment, report)
    if report.status != Status.PENDING:
        _finish(deployment, report.status)
        tell_of_end(deployment)
    deployment.save(force_insert=True)
    return deployment


def _fill_in(deployment: Deployment, report: Report) -> None:
    for name in ("commit_message", "author", "branch", "url"):
        setattr(deployment, name, getattr(report, name) or getattr(deployment, name) or None)


def _finish(deployment: Deployment, status: Deployment.Status) -> None:
    deployment.finished_at = deployment.status_changed_at = timezone.now()
    deployment.status = status
    deployment.certainty = certainty(Source.API, status)
