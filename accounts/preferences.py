"""What a person chooses for themselves, kept with the account; it comes with the session, so reading it costs nothing.

Values are read as if anyone could have written them: each reader of one says what it understands.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, Func, JSONField, Value

from accounts.models import User

LONGEST = 2_000  # characters of a text that is kept


def preference(user: Any, name: str) -> str:
    """Return what `user` chose, "" if nothing."""
    kept = getattr(user, "preferences", None)
    value = kept.get(name) if isinstance(kept, dict) else None
    return value if isinstance(value, str) else ""


def keep_preference(user: User, name: str, value: str) -> None:
    """Keep a choice; an empty one is forgotten. Others that are made at the same moment stay."""
    if preference(user, name) == value or len(value) > LONGEST:
        return
    change: Any = Func(
        F("preferences"), Value({name: value}, JSONField()), template="(%(expressions)s)", arg_joiner=" || "
    )
    User.objects.filter(pk=user.pk).update(preferences=change)
    user.preferences = {**(user.preferences if isinstance(user.preferences, dict) else {}), name: value}
