"""Which providers there are, as allauth is given them: the installation's from settings, organisations' from rows.

What a provider may say of an e-mail address is decided here. An organisation's admins run theirs and could let it say
anything, so it speaks for its domains only once a superuser has seen to it that they are the organisation's; until then
it signs in no one but members who have connected it themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from allauth.socialaccount.models import SocialApp
from django.conf import settings

from accounts.models import IdentityProvider, Org, Role
from pulseops.core.config.encryption import UnreadableSecretError, decrypt

SITE = "site"  # the id of the installation's own provider in addresses
KIND = "openid_connect"
PURPOSE = "client secrets"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `org` is None for the installation's; `domains` are those that it speaks for, () for none."""

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    org: Org | None = None
    domains: tuple[str, ...] = ()
    speaks_for_all: bool = False
    group_claim: str = "groups"
    roles: dict[str, str] = field(default_factory=dict)
    default_role: str = Role.VIEWER

    def speaks_for(self, email: str) -> bool:
        """Return whether an address that this provider calls verified is taken as proved."""
        return self.speaks_for_all or email.rpartition("@")[2].lower() in self.domains

    def role_of(self, claims: dict[str, Any]) -> Role | None:
        """Return the highest role that the groups among `claims` stand for; None if they stand for none."""
        groups = claims.get(self.group_claim)
        names = groups if isinstance(groups, list) else [groups]
        matches = [Role(self.roles[name]) for name in names if isinstance(name, str) and name in self.roles]
        return max(matches, key=lambda role: role.rank, default=None)

    def as_app(self) -> SocialApp:
        """Return what allauth works with; it is never saved."""
        return SocialApp(
            provider=KIND,
            provider_id=self.id,
            name=self.name,
            client_id=self.client_id,
            secret=self.client_secret,
            settings={"server_url": self.issuer, "oauth_pkce_enabled": True},
        )


def site_provider() -> Provider | None:
    """Return the installation's provider, if OIDC_ISSUER names one."""
    if not settings.OIDC_ISSUER:
        return None
    domains = tuple(domain.lower() for domain in settings.OIDC_DOMAINS)
    return Provider(
        SITE,
        settings.OIDC_NAME,
        settings.OIDC_ISSUER,
        settings.OIDC_CLIENT_ID,
        settings.OIDC_CLIENT_SECRET,
        domains=domains,
        speaks_for_all=not domains,
    )


def provider_of(row: IdentityProvider) -> Provider:
    """Return an organisation's provider."""
    try:
        secret = decrypt(PURPOSE, row.client_secret_encrypted)
    except UnreadableSecretError:
        secret = ""
    return Provider(
        row.pk.hex,
        row.name,
        row.issuer,
        row.client_id,
        secret,
        org=row.org,
        domains=tuple(row.domains) if row.speaks_for_domains else (),
        group_claim=row.group_claim,
        roles=row.roles,
        default_role=row.default_role,
    )


def find_provider(provider_id: str) -> Provider | None:
    """Return the provider of this id, unless it is switched off or its organisation is gone or suspended."""
    if provider_id == SITE:
        return site_provider()
    try:
        pk = UUID(hex=provider_id)
    except ValueError:
        return None
    rows = IdentityProvider.objects.filter(pk=pk, enabled=True, org__deleted_at=None, org__suspended_at=None)
    row = rows.select_related("org").first()
    return provider_of(row) if row else None
