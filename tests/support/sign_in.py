"""Clients that are signed in without the form."""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client

from accounts.models import User
from accounts.sessions import SessionStore


def signed_in(user: User, *, proved_seconds_ago: float = 0) -> Client:
    """Return a client that is signed in as `user`, who gave the password `proved_seconds_ago`.

    Its session is one row that is written at once; `Client.force_login` makes one of a stranger's first, and reads and
    writes it anew for each thing that it puts into it. Nearly every test of a page begins so.
    """
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            "account_authentication_methods": [{"method": "password", "at": time.time() - proved_seconds_ago}],
            "account_authentication_methods_user": str(user.pk),
        }
    )
    session.create()
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client
