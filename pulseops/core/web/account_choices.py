"""What is kept of a reader's choices with their account, whatever app has the accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from django.http import HttpRequest


class ChoosingUser(Protocol):
    """A user whose account keeps choices by name; "" is none."""

    def preference(self, name: str) -> str:
        """Return what was chosen."""

    def keep_preferences(self, chosen: Mapping[str, str]) -> None:
        """Keep choices."""


def account_of(request: HttpRequest) -> ChoosingUser | None:
    """Return the reader's account; None for someone who is not signed in."""
    user = getattr(request, "user", None)
    return cast("ChoosingUser", user) if user is not None and user.is_authenticated else None
