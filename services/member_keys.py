"""The API keys that a member has made: they work on when their maker is gone, so the admin who removes one is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import Org, User
from pulseops.core.extensions import MemberSecret, MemberSecrets
from services.key_actions import revoke_key
from services.models import ApiKey


def keys_of_members(org: Org, user_ids: Collection[UUID]) -> dict[UUID, list[MemberSecret]]:
    """Return, by who made them, the keys of `org` that work."""
    by_user: dict[UUID, list[MemberSecret]] = defaultdict(list)
    for key in _live(org).filter(created_by__in=user_ids).order_by("created_at", "pk"):
        url = f"{reverse('services:detail', args=[key.service_id])}#keys"
        by_user[key.created_by_id].append(MemberSecret(_name(key), url))  # type: ignore[index]  # it is one of the ids
    return by_user


def revoke_keys_of(*, actor: User, org: Org, user: User) -> Sequence[str]:
    """Revoke the keys that `user` has made in `org`, each with an audit row; returns their names."""
    keys = list(_live(org).filter(created_by=user).order_by("pk"))
    return [f"the key {_name(key)}" for key in keys if revoke_key(actor=actor, key=key)]


def _live(org: Org) -> QuerySet[ApiKey]:
    rows = ApiKey.objects.for_org(org).select_related("service", "environment")
    return rows.exclude(Q(revoked_at__lte=Now()) | Q(expires_at__lte=Now()))


def _name(key: ApiKey) -> str:
    return f"{key} ({key.service.name}, {key.environment.name})"


MEMBER_KEYS = MemberSecrets("API keys", keys_of_members, revoke_keys_of)
