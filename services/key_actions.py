"""What changes API keys: they are created, changed, rotated and revoked here, each with its audit row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Least, Now
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import User
from accounts.quotas import claim
from services.changed_fields import apply_changes
from services.keys import FreshKey, make_key
from services.models import ApiKey, Environment, Service


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
    changes = apply_changes(locked, {"label": label, "rate_per_minute": rate_per_minute, **policy.fields()})
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


@transaction.atomic
def revoke_keys_of(*, actor: User, scope: Service | Environment) -> None:
    """End the keys of what is about to be deleted, in a transaction of its own before that.

    A batch holds a shared lock on its key, and such locks have no queue: senders that overlap all the time would keep
    the deletion waiting. No new batch begins with a key that has ended, so those under way are soon the last.
    """
    column = "environment" if isinstance(scope, Environment) else "service"
    related = ApiKey.objects.select_related("org", "service", "environment").filter(**{column: scope})
    keys = list(related.exclude(revoked_at__lte=Now()).select_for_update(of=("self",), no_key=True).order_by("pk"))
    ApiKey.objects.filter(pk__in=[key.pk for key in keys]).update(revoked_at=Now())
    for key in keys:
        _record_key(actor, key, "api_key.revoked", {"deleted_with": scope.name})


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
