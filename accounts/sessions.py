"""The session engine (settings.SESSION_ENGINE): Django's sessions as rows of the documented table `sessions`.

The cookie holds 32 random bytes as hex, the row their SHA-256, so a stolen table signs nobody in. User, active
organisation and expiry have columns of their own, as other software reads them; `data` keeps the rest.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, transaction
from django.db.models import FilteredRelation
from django.utils import timezone

from accounts.models import Membership, Session, User
from pulseops.core.web.correlation import current_origin

ACTIVE_ORG = "active_org_id"
_KEY = re.compile(r"[0-9a-f]{64}\Z")


def hash_session_key(key: str) -> str:
    """Return the hex SHA-256 of the cookie's value, as the table keeps it."""
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(SessionBase):
    """One browser's session.

    `row` is what was loaded with its user, None before that or when there is none; `memberships` are the user's, with
    their organisations, longest first. One statement reads all of it, for every page needs it.
    """

    row: Session | None = None
    memberships: Sequence[Membership] = ()

    def _get_new_session_key(self) -> str:
        return secrets.token_hex(32)

    def _validate_session_key(self, key: str) -> bool:
        return bool(key and _KEY.match(key))

    def load(self) -> dict[str, Any]:
        found = _with_memberships(hash_session_key(self.session_key or ""))
        if not found:
            self._session_key = None
            return {}
        self.row = row = found[0]
        self.memberships = [each.membership for each in found if hasattr(each, "membership")]
        return {
            **_signed_in(row),
            **row.data,
            **({ACTIVE_ORG: str(row.active_org_id)} if row.active_org_id else {}),
        }

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_token_hash=hash_session_key(session_key)).exists()

    def create(self) -> None:
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the session; raises CreateError if the key exists, UpdateError if the session was ended meanwhile."""
        if self.session_key is None:
            return self.create()
        data = dict(self._get_session(no_load=must_create))  # type: ignore[attr-defined]  # not in the stubs
        columns = {
            "user_id": data.get(SESSION_KEY),
            "active_org_id": data.pop(ACTIVE_ORG, None),
            "data": data,
        }
        token_hash = hash_session_key(self.session_key)
        if must_create:
            return self._insert(token_hash, columns)
        if not Session.objects.filter(session_token_hash=token_hash).update(**columns):
            raise UpdateError
        return None

    def _insert(self, token_hash: str, columns: dict[str, Any]) -> None:
        origin = current_origin()
        try:
            with transaction.atomic():
                self.row = Session.objects.create(
                    session_token_hash=token_hash,
                    expires_at=timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE),
                    address=origin.address,
                    user_agent=origin.user_agent,
                    last_seen_at=timezone.now(),
                    **columns,
                )
        except IntegrityError as error:
            raise CreateError from error

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects.filter(session_token_hash=hash_session_key(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expires_at__lte=timezone.now()).delete()


def _with_memberships(token_hash: str) -> list[Any]:
    """Return the session, unless it has expired, once for each `membership` of its user, or once without one."""
    live = Session.objects.filter(session_token_hash=token_hash, expires_at__gt=timezone.now())
    joined = live.annotate(membership=FilteredRelation("user__memberships"))
    whole = joined.select_related("user", "membership__org")  # type: ignore[misc]  # the plugin misses annotations
    return list(whole.order_by("membership__created_at", "membership__org_id"))


def _signed_in(row: Session) -> dict[str, Any]:
    """What Django expects of a signed-in session, for a row that other software wrote with columns alone."""
    user: User | None = row.user
    if user is None or row.data:
        return {}
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
