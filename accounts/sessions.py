"""The session engine (settings.SESSION_ENGINE): Django's sessions as rows of the documented table `sessions`.

The cookie holds 32 random bytes as hex, the row their SHA-256, so a stolen table signs no one in. User, active
organisation and expiry have columns of their own, as other software reads them; `data` keeps the rest.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, transaction
from django.db.models import CharField, DateTimeField, FilteredRelation, QuerySet
from django.utils import timezone

from accounts.models import Membership, Session, User
from accounts.second_factor import with_factor
from pulseops.core.db.compiled_rows import CompiledRows, Parameter
from pulseops.core.web.correlation import current_origin

ACTIVE_ORG = "active_org_id"
_HOST_COOKIE = "host_cookie"  # the session's cookie has a name that no other host can set
_SIGNING_IN = timedelta(hours=1)  # for who has not signed in yet, or not with the second factor
_KEY = re.compile(r"[0-9a-f]{64}\Z")


def hash_session_key(key: str) -> str:
    """Return the hex SHA-256 of the cookie's value, as the table keeps it."""
    return hashlib.sha256(key.encode()).hexdigest()


def session_end(began: datetime, seen: datetime) -> datetime:
    """Return when a session ends that began and was last seen at these times: by whichever limit comes first."""
    idle, absolute = settings.SESSION_IDLE_HOURS, settings.SESSION_ABSOLUTE_HOURS
    return min(seen + timedelta(hours=idle), began + timedelta(hours=absolute))


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
        token_hash = hash_session_key(self.session_key or "")
        result: list[Any] = _SESSIONS.fetch(token_hash=token_hash, now=timezone.now())
        if not result:
            self._session_key = None
            return {}
        self.row = row = result[0]
        self.memberships = [each.membership for each in result if hasattr(each, "membership")]
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
        if columns["user_id"] and (row := self.row) and row.user_id is None:  # has signed in with this very session
            columns["expires_at"] = session_end(row.created_at, timezone.now())
        if not Session.objects.filter(session_token_hash=token_hash).update(**columns):
            raise UpdateError
        return None

    def _insert(self, token_hash: str, columns: dict[str, Any]) -> None:
        if settings.SESSION_COOKIE_NAME.startswith("__Host-"):
            columns["data"][_HOST_COOKIE] = self[_HOST_COOKIE] = True
        origin, now = current_origin(), timezone.now()
        try:
            with transaction.atomic():
                self.row = Session.objects.create(
                    session_token_hash=token_hash,
                    expires_at=session_end(now, now) if columns["user_id"] else now + _SIGNING_IN,
                    address=origin.address,
                    user_agent=origin.user_agent,
                    last_seen_at=now,
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


def take_over_session(key: str) -> bool:
    """Return whether a session whose cookie came under its former name may be taken over; it may be once."""
    with transaction.atomic():
        former = Session.objects.filter(session_token_hash=hash_session_key(key), expires_at__gt=timezone.now())
        row = former.exclude(data__has_key=_HOST_COOKIE).select_for_update(of=("self",)).first()
        if row is None:
            return False
        row.data = {**row.data, _HOST_COOKIE: True}
        row.save(update_fields=["data"])
    return True


def _with_memberships() -> QuerySet[Session]:
    """Return the session, unless it has expired, once for each `membership` of its user, or once without one."""
    token_hash, now = Parameter("token_hash", CharField()), Parameter("now", DateTimeField())
    live = Session.objects.filter(session_token_hash=token_hash, expires_at__gt=now)
    joined = with_factor(live).annotate(membership=FilteredRelation("user__memberships"))
    whole = joined.select_related("user", "membership__org")  # type: ignore[misc]  # the plugin misses annotations
    return whole.order_by("membership__created_at", "membership__org_id")


_SESSIONS = CompiledRows(_with_memberships)


def _signed_in(row: Session) -> dict[str, Any]:
    """What Django expects of a signed-in session, for a row that other software wrote with columns alone."""
    user: User | None = row.user
    if user is None or SESSION_KEY in row.data:
        return {}
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
