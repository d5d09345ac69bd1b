"""Saved views as the explorer offers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import Membership, Org, User
from logs.models import SavedView


@dataclass(frozen=True, slots=True)
class OfferedView:
    """A saved view in the menu."""

    view: SavedView
    url: str
    is_own: bool
    may_delete: bool

    @property
    def dialog(self) -> str:
        """The id of the dialog that asks before it is deleted."""
        return f"delete-view-{self.view.pk}"


def offered_views(org: Org, user: User, membership: Membership) -> Sequence[OfferedView]:
    """Return the reader's views and those that others share, by name; one query."""
    views = SavedView.objects.for_org(org).seen_by(user).select_related("owner").order_by("name", "pk")
    return [
        OfferedView(view, view_url(view), view.owner_id == user.pk, view.owner_id == user.pk or membership.is_admin)
        for view in views
    ]


def view_url(view: SavedView) -> str:
    """Return the explorer's address that the view names."""
    query = urlencode({name: str(value) for name, value in view.params.items()})
    return reverse("logs:explorer") + (f"?{query}" if query else "")
