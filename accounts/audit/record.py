"""The audit log: one append-only row for every state change by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import AuditLog, Org, User
from accounts.queries import orgs_of
from pulseops.core.jobs.wakeups import tell_pages
from pulseops.core.web.correlation import correlation_id, current_origin


def record(
    *,
    actor: User | None,
    org: Org | None,
    action: str,
    resource: models.Model | None = None,
    resource_type: str = "",
    resource_id: str | None = None,
    meta: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditLog:
    """Write that `actor` (None: the system) did `action` («service.created») to `resource` in `org`.

    Call it inside the transaction of the change. `meta` is JSON and never holds a secret. Correlation id and address
    are taken from the current work. `at` is for what is recorded afterwards; else it is now.
    """
    orgs = [org] if org else []
    (row,) = record_in(
        orgs, actor=actor, action=action, resource=resource, resource_type=resource_type, resource_id=resource_id,
        meta=meta, at=at,
    )  # fmt: skip
    return row


def record_about(person: User, *, actor: User | None, action: str, meta: Mapping[str, Any] | None = None) -> None:
    """Write that `actor` did `action` to the account of `person`, in the log of each of their organisations.

    Of anyone who is in none it stands in a row without organisation, which superusers see.
    """
    record_in(orgs_of(person), actor=actor, action=action, resource=person, meta=meta)


def record_in(
    orgs: Sequence[Org],
    *,
    actor: User | None,
    action: str,
    resource: models.Model | None = None,
    resource_type: str = "",
    resource_id: str | None = None,
    meta: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> list[AuditLog]:
    """Write the same row, as `record` does, into the log of each of `orgs`, or one row without organisation."""
    if resource is not None:
        resource_type = resource_type or resource._meta.model_name or ""
        resource_id = resource_id or str(resource.pk)
    targets: Sequence[Org | None] = orgs or [None]
    rows = [
        AuditLog(
            org=org,
            actor_user=actor,
            action=action,
            resource_type=resource_type,
            resource_id=resource_id,
            meta_json=dict(meta) if meta else None,
            correlation_id=correlation_id(),
            address=current_origin().address,
            created_at=at or timezone.now(),
        )
        for org in targets
    ]
    result = AuditLog.objects.bulk_create(rows)
    for org in orgs:
        tell_pages(org.pk, f"{resource_type}:{resource_id}")
    return result
