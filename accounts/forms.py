"""What people type about themselves, their organisations and their colleagues."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.http import HttpRequest

from accounts import mail
from accounts.actions import users
from accounts.models import IdentityProvider, Org, Role, User
from accounts.passwords import PASSWORD_RULES
from accounts.queries import is_member, user_by_email
from accounts.throttles import count_reset_mail
from pulseops.core.outbound.client import RefusedError, parse_target

_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,10}\Z")
NAME_MAX, ORG_NAME_MAX, TYPED_MAX = 120, 80, 2_000  # characters; the last of a name that is typed once more
PASSWORD_MAX = 1_000  # far above what a password may have, which says so itself
CODE_MAX = 64


class LineField(forms.CharField):
    """One line of text: runs of white space become one space, control characters are refused.

    What is longer than `max_length` is refused before anything is made of it: normalising costs the square of a length.
    """

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self._check_length = MaxLengthValidator(max_length)

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        self._check_length(text)
        line = " ".join(text.split())
        if any(unicodedata.category(character) == "Cc" for character in line):
            raise ValidationError("This holds characters that cannot be shown.", code="control_characters")
        return line


class DayField(forms.DateField):
    """A day within what PostgreSQL and every zone's offset can hold."""

    widget = forms.DateInput(attrs={"type": "date"})
    default_validators = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class NewEmailField(forms.EmailField):
    """An address to be stored; its case is kept but for the domain's."""

    widget = forms.EmailInput(attrs={"autocomplete": "email"})

    def to_python(self, value: Any) -> str:
        return User.objects.normalize_email(super().to_python(value))


class KnownEmailField(forms.CharField):
    """An address to be looked up: whatever an old account has, odd ones too."""

    widget = forms.EmailInput(attrs={"autocomplete": "username"})


def password_field(label: str, *, is_new: bool) -> forms.CharField:
    """Make the field for a password: one to be chosen, with the rules, or the current one."""
    attributes = {"autocomplete": "new-password" if is_new else "current-password"}
    return forms.CharField(
        label=label,
        strip=False,
        max_length=PASSWORD_MAX,
        widget=forms.PasswordInput(attrs=attributes),
        help_text=PASSWORD_RULES if is_new else "",
    )


class LoginForm(allauth_forms.LoginForm):
    """allauth's, but the address keeps its case: older databases hold two that differ in nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = KnownEmailField(label="E-mail", max_length=320)
        self.fields["password"] = password_field("Password", is_new=False)
        self.order_fields(["login", "password"])


class JoinForm(forms.Form):
    """Who someone is that was invited; the address stands in the invitation."""

    name = LineField(label="Your name", max_length=NAME_MAX, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = password_field("Password", is_new=True)

    def __init__(self, *args: Any, invited: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invited = invited

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if "password" in data:
            somebody = User(email=data.get("email", self.invited), name=data.get("name", ""))
            try:
                validate_password(data["password"], somebody)
            except ValidationError as error:
                self.add_error("password", error)
        return data


class SignUpForm(JoinForm):
    """Who someone is and what they start."""

    email = NewEmailField(label="E-mail", max_length=254)
    org = LineField(
        label="Organisation",
        max_length=ORG_NAME_MAX,
        help_text="Your team or company. Colleagues join by a link that you send them.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    field_order = ["name", "email", "org", "password"]

    def account(self) -> dict[str, str]:
        """Return what was typed, as the actions take it."""
        data = self.cleaned_data
        return {"name": data["name"], "email": data["email"], "password": data["password"], "org_name": data["org"]}


class ConfirmForm(forms.Form):
    """The password that was chosen at sign-up, once more."""

    password = password_field("The password that you chose", is_new=False)


class ChangePasswordForm(allauth_forms.ChangePasswordForm):
    """The current password and a new one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        self.fields["oldpassword"] = password_field("Current password", is_new=False)
        _say(self.fields["password1"], "New password")
        self.fields["password1"].help_text = PASSWORD_RULES

    def save(self) -> None:
        users.change_password(actor=self.user, password=self.cleaned_data["password1"])


class ResetRequestForm(forms.Form):
    """The address that a link shall go to. It is never said whether it has an account."""

    email = KnownEmailField(label="E-mail", max_length=320)

    def save(self, request: HttpRequest) -> None:
        email = self.cleaned_data["email"]
        if count_reset_mail(request, email):
            mail.reset_link_after_commit(email)


class ResetPasswordForm(allauth_forms.ResetPasswordKeyForm):
    """A new password, by a link from a mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        _say(self.fields["password1"], "New password")
        self.fields["password1"].help_text = PASSWORD_RULES

    def save(self) -> None:
        users.reset_password(user=self.user, password=self.cleaned_data["password1"])


class ReauthenticateForm(allauth_forms.ReauthenticateForm):
    """The password once more, before something that a passer-by must not do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"] = password_field("Password", is_new=False)


class _OneTimeCodeMixin:
    """A code of the app counts once as long as it is valid at all, which with the tolerance is for three periods."""

    user: User
    authenticator: Authenticator
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say(self.fields["code"], "Code")
        _bound_code(self.fields["code"])
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]  # allauth's form
        is_app = self.authenticator.type == Authenticator.Type.TOTP
        if is_app and not _is_first_use(self.user, code):
            raise get_adapter().validation_error("incorrect_code")
        return code


def _is_first_use(user: User, code: str) -> bool:
    """Note that a code of the app was used; returns whether it was the first time."""
    valid_for = (1 + 2 * mfa_settings.TOTP_TOLERANCE) * mfa_settings.TOTP_PERIOD  # seconds
    digits = "".join(filter(str.isdecimal, code))
    return bool(cache.add(f"two-factor-code:{user.pk}:{digits}", True, valid_for))


def _bound_code(field: forms.Field) -> None:
    """Give allauth's field for a code a length; it has none."""
    field.validators.insert(0, MaxLengthValidator(CODE_MAX))


class AuthenticateForm(_OneTimeCodeMixin, mfa_forms.AuthenticateForm):
    """The second step of signing in."""


class ReauthenticateByCodeForm(_OneTimeCodeMixin, mfa_forms.ReauthenticateForm):
    """A code once more, before something that a passer-by must not do."""


class ActivateForm(ActivateTOTPForm):
    """The first code of a new authenticator app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say(self.fields["code"], "Code that the app shows")
        _bound_code(self.fields["code"])
        self.fields["code"].widget.attrs["inputmode"] = "numeric"

    def clean_code(self) -> str:
        """Check the code and note it: the next to sign in with has to be another."""
        code: str = super().clean_code()
        _is_first_use(self.user, code)
        return code


def _say(field: forms.Field, label: str) -> None:
    field.label = label
    field.widget.attrs.pop("placeholder", None)


class ProfileForm(forms.Form):
    """How someone is called."""

    name = LineField(
        label="Name", max_length=NAME_MAX, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class EmailForm(forms.Form):
    """A new address to sign in with, and the password to show that it is the owner who asks."""

    email = NewEmailField(label="New e-mail", max_length=254)
    password = password_field("Password", is_new=False)


class DeleteAccountForm(forms.Form):
    """The address of the account, typed, so that nothing is deleted by one wrong click."""

    confirm = KnownEmailField(label="Your address, to confirm", max_length=320)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["confirm"].widget.attrs["autocomplete"] = "off"

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip() != self.user.email:
            raise ValidationError("This is not the address of this account.", code="wrong_address")
        return typed


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
        help_text="Its address, below which .well-known/openid-configuration stands.",
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
        help_text="Of your members' addresses, between commas. A superuser of this installation confirms them.",
    )
    group_claim = LineField(label="Claim with groups", max_length=60, initial="groups")
    roles = forms.CharField(
        label="Roles of groups",
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "platform-team = admin"}),
        help_text="One a line: group = admin, developer or viewer. The highest counts, at every sign-in.",
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
