"""Saved views as the explorer offers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Case, When
from django.urls import reverse

from accounts.models import Membership, Org, User
from logs.explorer.state import LONGEST_LINK
from logs.explorer.time_range import DEFAULT_FROM
from logs.models import SavedView
from pulseops.core.web.numbers import whole_number

VIEW = "view"


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


def offered_views(
    org: Org, user: User, membership: Membership, *, words: str = "", most: int | None = None
) -> Sequence[OfferedView]:
    """Return the reader's views, then those that others share, by name: the first `most`, whose name holds `words`."""
    views = SavedView.objects.for_org(org).seen_by(user).select_related("owner")
    if words:
        views = views.filter(name__icontains=words)
    is_others = Case(When(owner=user, then=0), default=1)
    return [
        OfferedView(view, offered_url(view), view.owner_id == user.pk, view.owner_id == user.pk or membership.is_admin)
        for view in views.order_by(is_others, "name", "pk")[:most]
    ]


def offered_url(view: SavedView) -> str:
    """Return where a list leads to for the view: one that is long is said by its number, which `view_at` reads."""
    url = view_url(view)
    return url if len(url) <= LONGEST_LINK else f"{reverse('logs:explorer')}?{VIEW}={view.pk}"


def view_at(org: Org, user: User, number: str) -> str:
    """Return the address of the view with this number, empty if there is none that `user` may see."""
    pk = whole_number(number)
    view = SavedView.objects.for_org(org).seen_by(user).filter(pk=pk).first() if pk is not None else None
    return view_url(view) if view else ""


def view_url(view: SavedView) -> str:
    """Return the explorer's address that the view names, with its range whatever range the reader prefers."""
    said = {name: str(value) for name, value in view.params.items()}
    if "from" not in said and "to" not in said:
        said["from"] = DEFAULT_FROM
    return f"{reverse('logs:explorer')}?{urlencode(said)}"
