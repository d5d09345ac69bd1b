"""Clients that are signed in without the form."""

from __future__ import annotations

import time

from django.test import Client

from accounts.models import User


def signed_in(user: User, *, proved_seconds_ago: float = 0) -> Client:
    """Return a client that is signed in as `user`, who gave the password `proved_seconds_ago`."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - proved_seconds_ago}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client
