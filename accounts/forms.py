"""What people type about themselves, their organisations and their colleagues."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest

from accounts import mail
from accounts.actions import users
from accounts.fields import ORG_NAME_MAX, KnownEmailField, LineField, NewEmailField, password_field
from accounts.models import User
from accounts.passwords import PASSWORD_RULES
from accounts.throttles import count_reset_mail

NAME_MAX = 120  # characters
CODE_MAX = 64


class LoginForm(allauth_forms.LoginForm):
    """allauth's, but the address keeps its case: older databases hold two that differ in nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = KnownEmailField(label="E-mail", max_length=320)
        self.fields["password"] = password_field("Password", is_new=False)
        self.order_fields(["login", "password"])
        self.fields["password" if self.data.get("login") else "login"].widget.attrs["autofocus"] = True


class JoinForm(forms.Form):
    """Who someone is that was invited; the address stands in the invitation."""

    name = LineField(
        label="Your name",
        max_length=NAME_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
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
