"""The webhook secrets that a member has seen: anyone who knows one can report deployments, member or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Org, User
from deployments.actions import rotate_secret
from deployments.models import GitHubIntegration
from pulseops.core.extensions import MemberSecret, MemberSecrets


def secrets_of_members(org: Org, user_ids: Collection[UUID]) -> dict[UUID, list[MemberSecret]]:
    """Return, by who was shown the present secret, the integrations of `org`."""
    by_user: dict[UUID, list[MemberSecret]] = defaultdict(list)
    for each in _integrations(org).filter(secret_made_by__in=user_ids):
        url = reverse("deployments:integration", args=[each.service_id])
        by_user[each.secret_made_by_id].append(MemberSecret(_name(each), url))  # type: ignore[index]  # one of the ids
    return by_user


def revoke_secrets_of(*, actor: User, org: Org, user: User) -> Sequence[str]:
    """Give each integration whose secret `user` has seen one that no one has seen; returns their names."""
    found = list(_integrations(org).filter(secret_made_by=user))
    for each in found:
        rotate_secret(actor=actor, integration=each, is_shown=False)
    return [f"the webhook secret of {_name(each)}" for each in found]


def _integrations(org: Org) -> QuerySet[GitHubIntegration]:
    return GitHubIntegration.objects.for_org(org).select_related("service").order_by("repo_owner", "repo_name", "pk")


def _name(integration: GitHubIntegration) -> str:
    return f"{integration.repository} ({integration.service.name})"


MEMBER_WEBHOOKS = MemberSecrets("Webhook secrets", secrets_of_members, revoke_secrets_of)
