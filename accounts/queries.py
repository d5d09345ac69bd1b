"""What pages and other apps ask of accounts."""

from __future__ import annotations

from accounts.models import User


def user_by_email(email: str) -> User | None:
    """Return the account of this address: the one spelt exactly so, else the only one that differs in case alone."""
    email = email.strip()
    matches = list(User.objects.filter(email__iexact=email)[:2])
    exact = [user for user in matches if user.email == email] or list(User.objects.filter(email=email))
    if exact:
        return exact[0]
    return matches[0] if len(matches) == 1 else None
