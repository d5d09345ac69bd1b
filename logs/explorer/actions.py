"""What people change in the explorer: saved views. Each writes its audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from accounts.audit.record import record
from accounts.models import Org, User
from accounts.quotas import claim
from logs.models import SavedView

MOST_VIEWS = 100  # of one person in one organisation


class TooManyViewsError(Exception):
    """The person has MOST_VIEWS in this organisation already."""


@transaction.atomic
def save_view(*, actor: User, org: Org, name: str, params: Mapping[str, str], is_shared: bool) -> SavedView:
    """Keep `params` of an explorer page under `name`; a view of the actor's of that name is replaced.

    Raises TooManyViewsError and QuotaError.
    """
    known = SavedView.objects.for_org(org).filter(owner=actor)
    if not known.filter(name=name).exists() and len(known.values_list("pk")[:MOST_VIEWS]) == MOST_VIEWS:
        raise TooManyViewsError
    if not known.filter(name=name).exists():
        claim(org, "views")
    view, is_new = SavedView.objects.update_or_create(
        org=org, owner=actor, name=name, defaults={"params": dict(params), "is_shared": is_shared}
    )
    record(
        actor=actor,
        org=org,
        action="log_view.created" if is_new else "log_view.changed",
        resource=view,
        meta={"name": name, "shared": is_shared, "query": params.get("q", "")},
    )
    return view


@transaction.atomic
def delete_view(*, actor: User, view: SavedView) -> None:
    """Delete a saved view; the caller has checked that the actor may."""
    record(actor=actor, org=view.org, action="log_view.deleted", resource=view, meta={"name": view.name})
    view.delete()
