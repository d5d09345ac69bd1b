"""What changes providers and what signing in by one brings about; each writes its audit row."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.actions.members import LastAdminError, change_role
from accounts.audit.record import record, record_about
from accounts.forms import NAME_MAX
from accounts.models import IdentityProvider, Membership, Org, Role, User
from accounts.oidc.providers import PURPOSE, Provider
from accounts.quotas import QUOTAS, QuotaError, claim
from accounts.refused import note_refused
from pulseops.core.config.encryption import UnreadableSecretError, encrypt, reencrypt

log = logging.getLogger(__name__)


@transaction.atomic
def save_provider(*, actor: User, org: Org, values: Mapping[str, Any], client_secret: str) -> IdentityProvider:
    """Set an organisation's provider; an empty secret keeps the one there is.

    Who identifies people, and for which domains, is reviewed by a superuser when that changes.
    """
    row = IdentityProvider.objects.select_for_update().filter(org=org).first() or IdentityProvider(org=org)
    is_new = row._state.adding
    changed = sorted(name for name, value in values.items() if getattr(row, name) != value)
    if {"issuer", "domains", "client_id"} & set(changed):
        row.speaks_for_domains = False
    if not is_new and "issuer" in changed:  # another provider's identities are other people
        SocialAccount.objects.filter(provider=row.pk.hex).delete()
    for name, value in values.items():
        setattr(row, name, value)
    if client_secret:
        row.client_secret_encrypted = encrypt(PURPOSE, client_secret)
    row.save()
    meta = {"name": row.name, "issuer": row.issuer, "fields": changed, "secret_replaced": bool(client_secret)}
    action = "identity_provider.created" if is_new else "identity_provider.changed"
    record(actor=actor, org=org, action=action, resource=row, meta=meta)
    return row


@transaction.atomic
def delete_provider(*, actor: User, org: Org) -> bool:
    """Remove an organisation's provider and every connection to it; returns whether there was one."""
    row = IdentityProvider.objects.select_for_update().filter(org=org).first()
    if row is None:
        return False
    count, _ = SocialAccount.objects.filter(provider=row.pk.hex).delete()
    meta = {"name": row.name, "issuer": row.issuer, "connections": count}
    record(actor=actor, org=org, action="identity_provider.deleted", resource=row, meta=meta)
    row.delete()
    return True


@transaction.atomic
def connect_by_address(*, user: User, provider: Provider, sociallogin: Any, request: Any) -> None:
    """Connect an identity to the account of the address that its provider has proved.

    An account whose own address was never proved may be someone else's who took the address first: their password and
    second factor go, and their sessions with them.
    """
    if user.email_verified_at is None:
        Authenticator.objects.filter(user=user).delete()
        user.set_unusable_password()
        user.email_verified_at = timezone.now()
        user.save()
    sociallogin.connect(request, user)  # whose signal tells of it


def connected(*, user: User, provider: Provider) -> None:
    """Record, and notify the owner, that the account of `user` is connected to an identity of `provider`."""
    meta = {"provider": provider.name}
    record_about(user, actor=user, action="user.provider_connected", meta=meta)
    mail.notice_after_commit(f"Your account was connected to {provider.name}.", to=user.email)


@transaction.atomic
def disconnect(*, actor: User, account: SocialAccount, name: str) -> None:
    """Let an identity sign in no more."""
    account.delete()
    meta = {"provider": name}
    record_about(actor, actor=actor, action="user.provider_disconnected", meta=meta)
    mail.notice_after_commit(f"Your account was disconnected from {name}.", to=actor.email)


@transaction.atomic
def sign_up_by_provider(*, provider: Provider, claims: Mapping[str, Any], sociallogin: Any, request: Any) -> User:
    """Make an account without a password for someone whom `provider` speaks for."""
    user: User = sociallogin.user
    user.email = User.objects.normalize_email(str(claims["email"]).strip())
    name = "".join(filter(str.isprintable, " ".join(str(claims.get("name") or "")[:1_000].split())))
    user.name = name[:NAME_MAX] or None
    user.email_verified_at = timezone.now()
    user.set_unusable_password()
    sociallogin.save(request)
    meta = {"email": user.email, "provider": provider.name}
    record(actor=user, org=provider.org, action="user.signed_up", resource=user, meta=meta)
    return user


@transaction.atomic
def join_by_provider(*, user: User, provider: Provider, claims: Mapping[str, Any], address: str) -> None:
    """Bring the user's membership in the provider's organisation to what it says: joined, and with which role.

    Only a proved address of one of its domains makes a member. The last admin keeps the role.
    """
    if provider.org is None:
        return
    role = provider.role_of(dict(claims))
    membership = Membership.objects.for_org(provider.org).filter(user=user).first()
    if membership is None:
        if address:
            _join(user, provider, role or Role(provider.default_role))
    elif role is not None and membership.role != role and address:
        try:
            change_role(actor=user, membership=membership, role=role)
        except LastAdminError:
            return


def _join(user: User, provider: Provider, role: Role) -> None:
    assert provider.org is not None
    try:
        claim(provider.org, "members")
    except QuotaError:
        note_refused(provider.org.pk, QUOTAS["members"].setting)
        log.warning("an organisation has no room for a member", extra={"org_id": str(provider.org.pk)})
        return
    membership = Membership.objects.create(org=provider.org, user=user, role=role)
    meta = {"email": user.email, "role": role, "provider": provider.name}
    record(actor=user, org=provider.org, action="member.joined_by_provider", resource=membership, meta=meta)


@transaction.atomic
def reencrypt_client_secrets() -> tuple[int, int]:
    """Encrypt every provider's secret by the key of today; returns how many, and how many cannot be decrypted."""
    done = unreadable = 0
    for row in IdentityProvider.objects.select_for_update():
        try:
            row.client_secret_encrypted = reencrypt(PURPOSE, row.client_secret_encrypted)
        except UnreadableSecretError:
            unreadable += 1
            continue
        row.save(update_fields=["client_secret_encrypted"])
        done += 1
    return done, unreadable
