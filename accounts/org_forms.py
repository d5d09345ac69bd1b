"""Forms about an organisation: its name, members, sign-in by a provider, suspension and deletion."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.fields import ORG_NAME_MAX, TYPED_MAX, LineField, NewEmailField
from accounts.models import IdentityProvider, Org, Role
from accounts.queries import is_member, user_by_email
from pulseops.core.outbound.client import RefusedError, parse_target

_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,10}\Z")


class OrgForm(forms.Form):
    """What an organisation is called."""

    name = LineField(label="Name", max_length=ORG_NAME_MAX)


class SuspendForm(forms.Form):
    """Why an organisation is suspended, for its members to read."""

    reason = LineField(label="Reason, which its members read", max_length=500, required=False)


class DeleteOrgForm(forms.Form):
    """The organisation's name, typed, so that nothing is deleted by one wrong click."""

    confirm = LineField(
        label="The organisation's name", max_length=TYPED_MAX, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, org: Org, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.org = org

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed != " ".join(self.org.name.split()):
            raise ValidationError("This is not the organisation's name.", code="wrong_name")
        return typed


class ProviderForm(forms.Form):
    """An organisation's OpenID Connect provider; an empty secret keeps the one there is."""

    name = LineField(label="Name", max_length=60, help_text="What the button says, such as “Okta of Acme”.")
    issuer = forms.URLField(
        label="Issuer",
        max_length=500,
        assume_scheme="https",
        help_text="Its address; .well-known/openid-configuration is found below it.",
    )
    client_id = LineField(label="Client id", max_length=300)
    client_secret = forms.CharField(
        label="Client secret",
        max_length=1000,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    domains = LineField(
        label="Domains",
        max_length=500,
        required=False,
        help_text="Of your members' addresses, separated by commas. A superuser of this installation confirms them.",
    )
    group_claim = LineField(label="Claim with groups", max_length=60, initial="groups")
    roles = forms.CharField(
        label="Roles of groups",
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "platform-team = admin"}),
        help_text="One per line: group = admin, developer or viewer. The highest counts, at every sign-in.",
    )
    default_role = forms.ChoiceField(label="Role without a group", choices=Role.choices, initial=Role.VIEWER)

    def __init__(self, *args: Any, provider: IdentityProvider | None = None, **kwargs: Any) -> None:
        self.provider = provider
        if provider:
            fields = ("name", "issuer", "client_id", "group_claim", "default_role")
            initial: dict[str, Any] = {name: getattr(provider, name) for name in fields}
            initial["domains"] = ", ".join(provider.domains)
            initial["roles"] = "\n".join(f"{group} = {role}" for group, role in provider.roles.items())
            kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        if provider:
            self.fields["client_secret"].help_text = "Leave it empty to keep the one there is."

    def clean_issuer(self) -> str:
        """Refuse what requests may not go to: inner addresses, hosts of the operator's own network too."""
        issuer: str = self.cleaned_data["issuer"].strip().rstrip("/")
        try:
            target = parse_target(issuer)
        except RefusedError as error:
            raise ValidationError(str(error), code="refused") from error
        if target.is_private and not settings.OIDC_PRIVATE_ISSUERS:
            raise ValidationError("This host is one of the operator's own network.", code="private")
        return issuer

    def clean_client_secret(self) -> str:
        secret: str = self.cleaned_data["client_secret"]
        if not secret and not self.provider:
            raise ValidationError("The provider shows it when you register PulseOps there.", code="required")
        return secret

    def clean_domains(self) -> list[str]:
        domains = [each.lstrip("@").lower() for each in self.cleaned_data["domains"].replace(",", " ").split()]
        for domain in domains:
            if not _DOMAIN.match(domain):
                raise ValidationError(f"{domain} is not a domain.", code="domain")
        return list(dict.fromkeys(domains))

    def clean_roles(self) -> dict[str, str]:
        roles: dict[str, str] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["roles"].splitlines())):
            group, _, role = (part.strip() for part in line.rpartition("="))
            if not group or role.lower() not in Role.values:
                raise ValidationError(f"“{line[:80]}” is not “group = role”.", code="role")
            roles[group] = role.lower()
        return roles


class RoleForm(forms.Form):
    """A role to give."""

    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.DEVELOPER)


class InviteForm(RoleForm):
    """Whom to invite."""

    email = NewEmailField(label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ["email", "role"]

    def __init__(self, *args: Any, org: Org, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.org = org

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        user = user_by_email(email)
        if user and is_member(self.org, user):
            raise ValidationError("This person is a member already.", code="is_member")
        return email
