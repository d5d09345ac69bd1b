"""What changes services, environments and API keys; each writes its audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models.functions import Least, Now
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import Org, User
from accounts.quotas import claim
from pulseops.core.db.answer_timeout import HOURS, answers_may_take
from pulseops.core.extensions import BEFORE_DELETE
from services.keys import FreshKey, make_key
from services.models import ApiKey, Environment, Service

FIRST_ENVIRONMENTS = ("production", "staging")


class NameTakenError(Exception):
    """The organisation has a service, or the service an environment, of that name already."""


class KeyRevokedError(Exception):
    """The key does not authenticate any more, so there is nothing to rotate."""


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """What a key may do (ApiKey.Scope), until when (UTC), and from which addresses or networks; None: no end, any.

    `origins` makes it a key for the scripts of these web pages alone, which may only send logs.
    """

    scopes: Sequence[str] = tuple(ApiKey.Scope.values)
    expires_at: datetime | None = None
    networks: Sequence[str] | None = None
    origins: Sequence[str] | None = None

    def fields(self) -> dict[str, Any]:
        """Return the columns of the key's row."""
        return {
            "scopes": list(self.scopes),
            "expires_at": self.expires_at,
            "networks": list(self.networks) if self.networks else None,
            "origins": list(self.origins) if self.origins else None,
        }


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new row of `api_keys` and the key itself, which nothing else holds."""

    key: ApiKey
    plain: str = field(repr=False)


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
    changes = _apply(locked, wanted)
    if changes:
        with _unique_name():
            locked.save(update_fields=list(changes))
        record(actor=actor, org=locked.org, action="service.updated", resource=locked, meta={"changes": changes})
    return locked


def delete_service(*, actor: User, service: Service) -> None:
    """Delete a service; the database takes along its environments, keys, logs and all that points at them.

    Logs can be millions, so most of them go before, in transactions of their own; no one else waits for those.
    """
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
    changes = _apply(locked, {"name": name})
    if changes:
        with _unique_name():
            locked.save(update_fields=["name"])
        _record_environment(actor, locked, "environment.renamed", {"changes": changes})
    return locked


def delete_environment(*, actor: User, environment: Environment) -> None:
    """Delete an environment; the database takes along its keys, logs and all that points at it."""
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


@transaction.atomic
def create_key(
    *,
    actor: User | None,
    environment: Environment,
    label: str = "",
    rate_per_minute: int | None = None,
    policy: KeyPolicy = KeyPolicy(),
    fresh: FreshKey | None = None,
) -> IssuedKey:
    """Create a key by which `environment` sends; `rate_per_minute` is in logs, None for the installation's default.

    `fresh` is what it is made of, for who has to know it again later; else it is random. Raises QuotaError.
    """
    issued = _issue(actor, environment, label, rate_per_minute, policy, fresh)
    meta = {"rate_per_minute": rate_per_minute, **_plain(policy.fields())}
    _record_key(actor, issued.key, "api_key.created", meta)
    return issued


@transaction.atomic
def update_key(*, actor: User, key: ApiKey, label: str, rate_per_minute: int | None, policy: KeyPolicy) -> ApiKey:
    """Change a key's label, rate (logs a minute, None for the default) and policy; return it as it is now."""
    locked = _lock(key)
    changes = _apply(locked, {"label": label, "rate_per_minute": rate_per_minute, **policy.fields()})
    if changes:
        locked.save(update_fields=list(changes))
        said = {name: [_plain(value) for value in pair] for name, pair in changes.items()}
        _record_key(actor, locked, "api_key.updated", {"changes": said})
    return locked


@transaction.atomic
def rotate_key(*, actor: User, key: ApiKey, grace: timedelta) -> IssuedKey:
    """Create a key that is like this one; the old one works for `grace` longer, and no longer than it would have worked
    anyway. One that expires gets a successor that works for as long as it was made for. Raises KeyRevokedError and
    QuotaError.
    """
    old = _lock(key)
    if not old.is_live():
        raise KeyRevokedError
    expires_at = timezone.now() + (old.expires_at - old.created_at) if old.expires_at else None
    policy = KeyPolicy(old.scopes, expires_at, old.networks, old.origins)
    issued = _issue(actor, old.environment, old.label, old.rate_per_minute, policy)
    # LEAST passes NULL over, so a key without an end gets one.
    ApiKey.objects.filter(pk=old.pk).update(revoked_at=Least("revoked_at", Now() + grace))
    meta = {"successor_id": str(issued.key.pk), "grace_seconds": round(grace.total_seconds())}
    _record_key(actor, old, "api_key.rotated", meta)
    return issued


@transaction.atomic
def revoke_key(*, actor: User, key: ApiKey) -> bool:
    """End a key at once, by the database's clock, which is the one that authentication reads.

    Returns False, and writes nothing, when it had ended before.
    """
    locked = _lock(key)
    live = ApiKey.objects.filter(pk=locked.pk).exclude(revoked_at__lte=Now())
    if not live.update(revoked_at=Now()):
        return False
    _record_key(actor, locked, "api_key.revoked", {})
    return True


def _issue(
    actor: User | None,
    environment: Environment,
    label: str,
    rate_per_minute: int | None,
    policy: KeyPolicy,
    fresh: FreshKey | None = None,
) -> IssuedKey:
    claim(environment.service.org, "keys")
    fresh = fresh or make_key()
    key = ApiKey.objects.create(
        org=environment.service.org,
        service=environment.service,
        environment=environment,
        key_hash=fresh.key_hash,
        last_four=fresh.last_four,
        label=label,
        rate_per_minute=rate_per_minute,
        created_by=actor,
        **policy.fields(),
    )
    return IssuedKey(key=key, plain=fresh.plain)


def _lock(key: ApiKey) -> ApiKey:
    related = ApiKey.objects.select_related("org", "service__org", "environment__service__org")
    return related.select_for_update(of=("self",), no_key=True).get(pk=key.pk)


def _record_key(actor: User | None, key: ApiKey, action: str, meta: dict[str, Any]) -> None:
    about = {
        "label": key.label,
        "last_four": key.last_four,
        "service": key.service.name,
        "environment": key.environment.name,
    }
    record(actor=actor, org=key.org, action=action, resource=key, meta={**about, **meta})


def _plain(value: Any) -> Any:
    """Return a key's value as JSON has it: times as ISO 8601."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    return value.isoformat() if isinstance(value, datetime) else value


# -- What they share -------------------------------------------------------------------------------------------------


def _apply(row: models.Model, wanted: dict[str, Any]) -> dict[str, list[Any]]:
    """Set what differs on `row`; return each changed field with what it was and what it is, as audit rows show it."""
    changes = {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}
    for name, (_, value) in changes.items():
        setattr(row, name, value)
    return changes


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
