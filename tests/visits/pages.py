"""Every page of the URLconf with an address made of real rows, and what each reader is to be answered there.

A new route is visited by itself. It has to be named here if its argument is one that `Rows` does not know, if it takes
no GET (ACTIONS), or if it answers something else than 200 to those who may see it (UNUSUAL).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse

from accounts.models import Role
from pulseops.docs.pages import GROUPS
from tests.test_urlconf import PUBLIC, routes
from tests.visits.admin_pages import admin_pages

Rows = Mapping[str, object]  # the name of a route's argument -> the id of a row; without one, there is no such row

# Who visits: signed out, signed in without an organisation, an admin of another organisation, three members, and a
# superuser who is also an admin of the organisation.
READERS = ("anonymous", "newcomer", "outsider", "viewer", "developer", "admin", "superuser")
STRANGERS = READERS[:3]  # who are no members of the organisation
_ROLES = {"viewer": Role.VIEWER, "developer": Role.DEVELOPER, "admin": Role.ADMIN, "superuser": Role.ADMIN}

# These take POST alone; who may see the page that they belong to is answered 405.
ACTIONS = {
    "put_steps_away", "accounts:preferences", "logs:keep_preferences",
    "set_theme", "set_zone", "account_logout", "accounts:email", "accounts:end_other_sessions", "accounts:end_session",
    "accounts:switch", "accounts:delete_org", "accounts:leave_org", "accounts:change_role", "accounts:remove_member",
    "accounts:invite", "accounts:renew_invitation", "accounts:revoke_invitation", "services:key_revoke", "logs:ingest",
    "logs:save_view", "logs:delete_view", "deployments:integration_rotate", "deployments:integration_disconnect",
    "deployments:replay", "deployments:create", "deployments:webhook", "notifications:test", "notifications:switch",
    "notifications:delete", "notifications:retry", "notifications:drop", "incidents:bulk", "incidents:note",
    "incidents:severity", "incidents:assign", "incidents:acknowledge", "incidents:resolve", "incidents:reopen",
    "alerts:try", "alerts:switch", "alerts:mute", "alerts:delete", "cron:evaluate", "cron:notifications",
    "accounts:connect_provider", "accounts:disconnect_provider", "accounts:org_provider_delete",
    "accounts:org_security", "incidents:maintenance_end", "incidents:maintenance_api", "incidents:maintenance_api_end",
    "incidents:escalation_delete", "incidents:snooze", "incidents:slack", "incidents:service_webhook",
    "notifications:routing_preview",
    "notifications:replay", "notifications:secret",
    "cron:cleanup", "cron:rules_evaluate", "cron:notifications_process", "cron:logs_cleanup",
}  # fmt: skip

# These answer with what a browser does not show, or not by itself.
NO_PAGES = {
    "incidents:parts", "incidents:markdown", "live", "banners",
    "docs:image",
    "robots", "health", "ready", "metrics", "accounts:audit_export", "logs:export", "logs:live", "logs:raw",
    "logs:figures", "logs:fields",
    "services:key_arrival",
    "admin:jsi18n",
}  # fmt: skip

# What anyone who may see a page is answered there, where it is not 200. None stands for the others.
_SIGNED_IN_ALREADY = {"anonymous": 200, None: 302}
UNUSUAL: Mapping[str, Mapping[str | None, int]] = {
    "landing": _SIGNED_IN_ALREADY,
    "favicon": {None: 302},
    "docs:bare": {None: 302},
    "account_login": _SIGNED_IN_ALREADY,
    "account_signup": {"anonymous": 403, None: 302},  # closed, for there are accounts
    "mfa_authenticate": {None: 302},  # only between password and code
    "mfa_login_webauthn": {None: 302},  # answers its script alone
    "mfa_reauthenticate_webauthn": {None: 302},
    "mfa_add_webauthn": {None: 302},
    "mfa_edit_webauthn": {None: 302},
    "mfa_remove_webauthn": {None: 302},
    "mfa_reauthenticate": {None: 302},  # no one here has a second factor …
    "mfa_deactivate_totp": {None: 404},
    "mfa_view_recovery_codes": {None: 404},
    "mfa_download_recovery_codes": {None: 404},
    "mfa_activate_totp": {None: 302},  # … and to make one asks for the password once more
    "mfa_generate_recovery_codes": {None: 302},
    "doctor": {None: 403, "superuser": 200},
    "metrics": {None: 401},  # it takes a token, which no reader has
    "live": {None: 204},  # nothing but our own server can keep a tab
    "accounts:delete_account": {None: 302},  # so does this
}

# Further addresses of a page: what its query may make of it. Names in braces are arguments of routes.
QUERIES: Mapping[str, tuple[str, ...]] = {
    "docs:index": ("q=retention",),
    "search": ("q=check", "q=nothing+is+called+so"),
    "accounts:audit": ("action=service.created",),
    "logs:explorer": (
        "q=level:error", "q=service:checkout+env:production", "q=timeout&from=-48h", "q=took_ms:>100", "row={address}",
        "q=nothing+says+this+level:error", "q=level:(",
    ),
    "logs:live": ("after={address}",),
    "logs:export": ("format=csv",),
    "deployments:list": ("environment=production",),
    "incidents:list": ("state=all", "state=resolved&severity=high"),
    "alerts:detail": ("period=7d",),
    "notifications:channels": ("state=failed",),
}  # fmt: skip
_WITHOUT_A_QUERY = {"logs:live": 400}  # these need one

# What an argument is that names no row of the organisation.
_NOT_ROWS: Mapping[str, object] = {
    "form": "csv",
    "uidb36": "0" * 32,
    "key": "set-password",
    "pk": 1,
    "name": "message-slack",
}
_NO_ROW: Mapping[str, object] = {
    "address": "1-1",
    "token": "no-such-token",
    "provider_id": "no-such-provider",
}  # of the right shape, but no one's
_NO_UUID, _NO_NUMBER = UUID(int=0), 0


@dataclass(frozen=True, slots=True)
class Page:
    """One address, and what it is to answer."""

    name: str  # of the route, and the query behind it
    address: str
    view: Any
    is_found: bool = True  # its rows exist
    names_rows: bool = False
    usual: Mapping[str | None, int] | None = None

    def answers(self, reader: str) -> set[int]:
        """Return the status codes that `reader` may be answered with."""
        if self.is_admin_site:
            return self._usual(reader)
        if getattr(self.view, "login_required", True) and reader == "anonymous":
            return {302}
        refused = self._refused(reader)
        if self.name in ACTIONS:
            return {405, refused} if refused else {405}
        return {refused} if refused else self._usual(reader)

    @property
    def is_admin_site(self) -> bool:
        """Whether it belongs to the Django admin."""
        return self.name.startswith("admin:")

    @property
    def is_shown(self) -> bool:
        """Whether a browser shows it as a page: no file and no fragment of a page, no redirect, no action."""
        return not {self.name, self.name.split("?")[0]} & (ACTIONS | NO_PAGES)

    def _refused(self, reader: str) -> int | None:
        """Return how `reader` is refused, None if not: a role that is missing comes before a row that is."""
        needs = getattr(self.view, "required_role", None)
        if needs is not None and reader == "newcomer":
            return 302
        role = _ROLES.get(reader, Role.ADMIN)  # an outsider is an admin elsewhere
        if needs is not None and not role.includes(needs):
            return 403
        is_theirs = self.is_found and not (self.names_rows and reader == "outsider")
        return None if is_theirs else 404

    def _usual(self, reader: str) -> set[int]:
        usual = self.usual or {None: 200}
        return {usual.get(reader, usual.get(None, 200))}


def pages(rows: Rows) -> Iterator[Page]:
    """Give every page of the URLconf, the Django admin's among them."""
    for name, view, arguments in routes():
        if name.startswith("logs:") and name in PUBLIC and name not in ACTIONS:
            continue  # other protocols' routes, for machines alone
        yield from _addresses(name, view, arguments, rows)
    yield from _django_admin()


def _addresses(name: str, view: Any, arguments: list[str], rows: Rows) -> Iterator[Page]:
    if name == "account_reset_password_from_key":  # a regular expression, whose arguments Django does not list
        arguments = ["uidb36", "key"]
    if name == "docs:page":
        for slug in (slug for _, slugs in GROUPS for slug in slugs):
            yield Page(f"{name} {slug}", reverse(name, args=[slug]), view)
        return
    named = [each for each in arguments if each not in _NOT_ROWS]
    is_found = all(each in rows for each in named)
    values = {each: _NOT_ROWS.get(each) or rows.get(each) or no_row(each) for each in arguments}
    address = reverse(name, kwargs=values)
    names_rows = bool(named) and getattr(view, "required_role", None) is not None
    usual = {None: _WITHOUT_A_QUERY[name]} if name in _WITHOUT_A_QUERY else UNUSUAL.get(name)
    yield Page(name, address, view, is_found, names_rows, usual)
    for query in QUERIES.get(name, ()):
        if "{address}" not in query or "address" in rows:
            yield Page(f"{name}?{query}", f"{address}?{query.format(**rows)}", view, is_found, names_rows)


def no_row(argument: str) -> object:
    """Return what an argument of a route may be that names no row."""
    numbers = {"incident_id", "rule_id", "deployment_id", "effect_id", "membership_id", "view_id", "account_id",
               "window_id", "policy_id"}  # fmt: skip
    return _NO_ROW.get(argument, _NO_NUMBER if argument in numbers else _NO_UUID)


def _django_admin() -> Iterator[Page]:
    """Give the Django admin's pages, which send everybody but superusers to its own sign-in."""
    for name, address, status in admin_pages():
        others = {"anonymous": 302, None: 403} if name == "admin:login" else {None: 302}
        yield Page(name, address, None, usual={**others, "superuser": status})
