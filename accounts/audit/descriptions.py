"""How the audit log says in words what was done. A row reads: someone, the phrase, the resource.

An action without a phrase here is said by its own two words: "service.created" reads "created the service". An app
above that wants other words adds them in `AppConfig.ready`: `PHRASES.update({"service.created": "made the service"})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from pulseops.core.ui import times

PHRASES: dict[str, str] = {
    "user.signed_up": "signed up",
    "user.signed_in": "signed in",
    "user.sign_in_failed": "saw a wrong password given for",
    "user.password_set": "set the password of",
    "user.deleted": "deleted the account of",
    "user.signed_out": "signed out",
    "user.password_changed": "changed their password",
    "user.password_reset": "reset their password by mail",
    "user.renamed": "changed their name",
    "user.email_changed": "changed their e-mail address",
    "user.two_factor_enabled": "switched two-factor sign-in on",
    "user.two_factor_disabled": "switched two-factor sign-in off",
    "user.two_factor_failed": "gave a wrong second factor",
    "user.passkey_added": "added a passkey",
    "user.passkey_removed": "removed a passkey",
    "user.passkey_renamed": "renamed a passkey",
    "user.recovery_codes_made": "created new recovery codes",
    "user.recovery_code_used": "signed in by a recovery code",
    "user.deactivated": "deactivated the account",
    "user.reactivated": "reactivated the account",
    "session.ended": "ended one of their sessions",
    "session.others_ended": "ended their other sessions",
    "org.created": "created the organisation",
    "org.renamed": "renamed the organisation",
    "org.two_factor_required": "asked every member for a second factor in",
    "org.two_factor_optional": "asked members for no second factor any more in",
    "identity_provider.created": "set the identity provider",
    "identity_provider.changed": "changed the identity provider",
    "identity_provider.deleted": "removed the identity provider",
    "member.joined_by_provider": "joined by the identity provider",
    "user.provider_connected": "connected their account to a provider",
    "user.provider_disconnected": "disconnected their account from a provider",
    "github_integration.secret_outdated": "found, after a change of SECRET_KEY, to need a new secret: the one of",
    "org.deleted": "deleted the organisation",
    "org.suspended": "suspended the organisation",
    "org.resumed": "lifted the suspension of",
    "member.invited": "invited",
    "member.joined": "joined by invitation",
    "member.role_changed": "changed the role of",
    "member.removed": "removed the member",
    "member.left": "left the organisation",
    "invitation.renewed": "created a new link for the invitation of",
    "invitation.revoked": "revoked the invitation of",
    "audit.exported": "exported the audit log",
    "admin.added": "added in the Django admin",
    "admin.changed": "changed in the Django admin",
    "admin.deleted": "deleted in the Django admin",
}

_SPELT = {"api key": "API key", "github integration": "GitHub integration", "log view": "saved view"}
_TITLES = ("name", "email", "label", "title", "repository")


def phrase(action: str) -> str:
    """Say `action` in words, by the table or by its own: "thing.done" → "done the thing"."""
    return PHRASES.get(action) or _spelt_out(action)


def _spelt_out(action: str) -> str:
    thing, dot, done = (part.replace("_", " ") for part in action.partition("."))
    if not dot or not thing or not done:
        return action
    thing = _SPELT.get(thing, thing)
    return f"{thing}: {done}" if " " in done else f"{done} the {thing}"


def title(meta: Mapping[str, Any] | None) -> str:
    """Return what the row's resource was called when it was written, empty if the row does not tell."""
    return next((str(meta[key]) for key in _TITLES if meta.get(key)), "") if meta else ""


def details(meta: Mapping[str, Any] | None) -> str:
    """Say the rest of a row's meta in one line, "viewer → admin, form: csv"; ids are left to the export."""
    if not meta:
        return ""
    left_out = {"from", "to"} if {"from", "to"} <= meta.keys() else set()
    change = [f"{meta['from'] or 'nothing'} → {meta['to'] or 'nothing'}"] if left_out else []
    shown = title(meta)
    rest = [
        f"{key.replace('_', ' ')}: {_said(value)}" if key != "changes" else _said_changes(value)
        for key, value in meta.items()
        if key not in left_out and not key.endswith("_id") and value not in (None, "", shown)
    ]
    return ", ".join(change + rest)


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {_said(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, str) and (moment := _moment(value)):
        return f"{times.exact(moment)} {times.zone_label(moment)}"
    return "nothing" if value in (None, "") else str(value)


def _moment(text: str) -> datetime | None:
    """Return the time that `text` writes as ISO 8601 with its zone, None if it is something else."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None


def _said_changes(changes: Any) -> str:
    """Say {"name": ["api", "web"]} as «name: api → web»."""
    if not isinstance(changes, Mapping):
        return _said(changes)
    return ", ".join(
        f"{name.replace('_', ' ')}: {' → '.join(map(_said, pair)) if isinstance(pair, list) else _said(pair)}"
        for name, pair in changes.items()
    )
