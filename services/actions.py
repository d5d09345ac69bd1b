"""What changes services, environments and API keys; each writes its audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction

from accounts.audit.record import record
from accounts.models import Org, User
from accounts.quotas import claim
from pulseops.core.db.answer_timeout import HOURS, answers_may_take
from pulseops.core.extensions import BEFORE_DELETE
from services.changed_fields import apply_changes
from services.key_actions import revoke_keys_of
from services.models import Environment, Service

FIRST_ENVIRONMENTS = ("production", "staging")


class NameTakenError(Exception):
    """The organisation has a service, or the service an environment, of that name already."""


# -- Services --------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_service(
    *, actor: User, org: Org, name: str, description: str = "", repo_url: str = "", retention_days: int = 7
) -> Service:
    """Create a service with its first environments, production and staging; raises NameTakenError and QuotaError."""
    claim(org, "services")
    claim(org, "environments", len(FIRST_ENVIRONMENTS))
    with _unique_name():
        service = Service.objects.create(
            org=org,
            name=name,
            description=description or None,
            repo_url=repo_url or None,
            retention_days=retention_days,
            created_by=actor,
        )
    Environment.objects.bulk_create(Environment(service=service, name=each) for each in FIRST_ENVIRONMENTS)
    record(
        actor=actor,
        org=org,
        action="service.created",
        resource=service,
        meta={"name": name, "retention_days": retention_days, "environments": list(FIRST_ENVIRONMENTS)},
    )
    return service


@transaction.atomic
def update_service(
    *, actor: User, service: Service, name: str, description: str, repo_url: str, retention_days: int
) -> Service:
    """Change what people wrote about a service, and how many days its logs are kept; raises NameTakenError.

    Returns the service as it is now. Nothing is written when nothing differs.
    """
    locked = Service.objects.select_related("org").select_for_update(of=("self",)).get(pk=service.pk)
    wanted = {
        "name": name,
        "description": description or None,
        "repo_url": repo_url or None,
        "retention_days": retention_days,
    }
    changes = apply_changes(locked, wanted)
    if changes:
        with _unique_name():
            locked.save(update_fields=list(changes))
        record(actor=actor, org=locked.org, action="service.updated", resource=locked, meta={"changes": changes})
    return locked


def delete_service(*, actor: User, service: Service) -> None:
    """Delete a service; the database takes along its environments, keys, logs and all that points at them.

    Logs can be millions, so most of them go before, in transactions of their own; no one else waits for those.
    """
    revoke_keys_of(actor=actor, scope=service)
    _empty(service)
    _delete_service(actor, service)


@transaction.atomic
def _delete_service(actor: User, service: Service) -> None:
    environments = list(service.environments.order_by("name").values_list("name", flat=True))
    with answers_may_take(HOURS):
        deleted, _ = Service.objects.filter(pk=service.pk).delete()
    if deleted:
        meta = {"name": service.name, "environments": environments}
        record(actor=actor, org=service.org, action="service.deleted", resource=service, meta=meta)


# -- Environments ----------------------------------------------------------------------------------------------------


@transaction.atomic
def add_environment(*, actor: User, service: Service, name: str) -> Environment:
    """Give a service one more environment; raises NameTakenError and QuotaError."""
    claim(service.org, "environments")
    with _unique_name():
        environment = Environment.objects.create(service=service, name=name)
    _record_environment(actor, environment, "environment.created", {"name": name})
    return environment


@transaction.atomic
def rename_environment(*, actor: User, environment: Environment, name: str) -> Environment:
    """Rename an environment and return it as it is now; raises NameTakenError."""
    locked = Environment.objects.select_related("service__org").select_for_update(of=("self",)).get(pk=environment.pk)
    changes = apply_changes(locked, {"name": name})
    if changes:
        with _unique_name():
            locked.save(update_fields=["name"])
        _record_environment(actor, locked, "environment.renamed", {"changes": changes})
    return locked


def delete_environment(*, actor: User, environment: Environment) -> None:
    """Delete an environment; the database takes along its keys, logs and all that points at it."""
    revoke_keys_of(actor=actor, scope=environment)
    _empty(environment)
    _delete_environment(actor, environment)


def _empty(scope: Service | Environment) -> None:
    for empty in BEFORE_DELETE:
        empty(scope, None)


@transaction.atomic
def _delete_environment(actor: User, environment: Environment) -> None:
    with answers_may_take(HOURS):
        deleted, _ = Environment.objects.filter(pk=environment.pk).delete()
    if deleted:
        _record_environment(actor, environment, "environment.deleted", {"name": environment.name})


def _record_environment(actor: User, environment: Environment, action: str, meta: dict[str, Any]) -> None:
    service = environment.service
    meta = {"service": service.name, "service_id": str(service.pk), **meta}
    record(actor=actor, org=service.org, action=action, resource=environment, meta=meta)


# -- Ingest rules ----------------------------------------------------------------------------------------------------


@transaction.atomic
def change_ingest_rules(*, actor: User, service: Service, rules: dict[str, Any]) -> bool:
    """Let other rules hold for the service's logs from the next batch on; returns whether they are others.

    `rules` are as logs.ingest_rules writes them, {} for none. A batch that was made under the old ones is made anew.
    """
    locked = Service.objects.select_for_update(of=("self",), no_key=True).select_related("org").get(pk=service.pk)
    if locked.ingest_rules == rules:
        return False
    locked.ingest_rules = rules
    locked.ingest_version = locked.ingest_version + 1
    locked.save(update_fields=["ingest_rules", "ingest_version"])
    meta = {"name": locked.name, "rules": rules}
    record(actor=actor, org=locked.org, action="service.ingest_rules_changed", resource=locked, meta=meta)
    return True


# -- API keys --------------------------------------------------------------------------------------------------------


# -- What they share -------------------------------------------------------------------------------------------------


@contextmanager
def _unique_name() -> Iterator[None]:
    """Turn the violation of a unique name into NameTakenError, leaving the transaction around it usable."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if getattr(error.__cause__, "sqlstate", None) == "23505":  # unique_violation
            raise NameTakenError from error
        raise
