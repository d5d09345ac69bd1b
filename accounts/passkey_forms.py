"""What a browser sends of a passkey. It is foreign: how long, of which shape, from which origin is looked at first."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from accounts.audit.record import record_about
from accounts.fields import LineField
from accounts.models import User
from accounts.relying_party import relying_party_origin

PASSKEY_NAME_MAX = 60
CREDENTIAL_MAX = 20_000  # characters; a usual one has 1,500
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,20000}={0,2}")
_PARTS = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")
# What fido2 and cryptography raise on bytes that are not what they should be.
_MALFORMED = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, NotImplementedError, struct.error),
    *(InvalidSignature, UnsupportedAlgorithm),
)


class CredentialField(forms.CharField):
    """A credential as JSON. Of it only the known parts go on, so that what is stored is what was looked at."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(label="Passkey", strip=False, max_length=CREDENTIAL_MAX)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return text
        if len(text) > CREDENTIAL_MAX:
            raise _refusal()
        try:
            return _known_parts(json.loads(text))
        except (*_MALFORMED, RecursionError) as error:
            raise _refusal() from error


class AddPasskeyForm(webauthn.AddWebAuthnForm):
    """A new passkey: what to call it, and whether it alone signs in."""

    name = LineField(
        label="Name", max_length=PASSKEY_NAME_MAX, required=False, help_text="Such as the device that has it."
    )
    passwordless = forms.BooleanField(
        label="Sign in by it alone, without the password",
        required=False,
        initial=True,
        help_text="The device then asks for its PIN, your finger or your face each time.",
    )
    credential = CredentialField()

    def clean(self) -> dict[str, Any]:
        most = settings.PASSKEYS_PER_USER
        if Authenticator.objects.filter(user=self.user, type=Authenticator.Type.WEBAUTHN).count() >= most:
            raise ValidationError(f"You have {most} passkeys already. Remove one that you no longer use.", code="quota")
        try:
            if credential := self.cleaned_data.get("credential"):
                _check_origin(RegistrationResponse.from_dict(credential))
            data: dict[str, Any] = super().clean()
        except (*_MALFORMED, ValidationError) as error:
            raise _refusal() from error
        return data


class _KnownPasskeyForm(forms.Form):
    """A passkey that was added before, used from a page of ours: goes before allauth's form."""

    credential = CredentialField()
    user: User | None
    needs_verified_user = False

    def clean_credential(self) -> Authenticator:
        try:
            response = AuthenticationResponse.from_dict(self.cleaned_data["credential"])
            _check_origin(response)
            # allauth leaves this to the session's challenge, which a page that asks for less may have made.
            if self.needs_verified_user and not response.response.authenticator_data.is_user_verified():
                raise _refusal()
            result: Authenticator = super().clean_credential()  # type: ignore[misc]  # allauth's form
        except _MALFORMED as error:
            self._note_failure()
            raise _refusal() from error
        except ValidationError as error:
            if error.code == "too_many_login_attempts":
                raise
            self._note_failure()
            raise _refusal() from error
        return result

    def _note_failure(self) -> None:
        """Tell as allauth does of wrong codes; of whom a stranger merely names, nothing is filed."""
        if self.user is not None:
            signals.authentication_failed.send(sender=Authenticator, user=self.user)


class AuthenticateByPasskeyForm(_KnownPasskeyForm, webauthn.AuthenticateWebAuthnForm):
    """A passkey as the second step of signing in."""


class ReauthenticateByPasskeyForm(_KnownPasskeyForm, webauthn.ReauthenticateWebAuthnForm):
    """A passkey once more, before something that a passer-by must not do."""


class SignInByPasskeyForm(_KnownPasskeyForm, webauthn.LoginWebAuthnForm):
    """A passkey instead of password and code: its device has to have made sure whose it is."""

    needs_verified_user = True


class RenamePasskeyForm(webauthn.EditWebAuthnForm):
    """What a passkey is called."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = LineField(label="Name", max_length=PASSKEY_NAME_MAX)

    @transaction.atomic
    def save(self) -> Authenticator:
        before, user = self.instance.wrap().name, self.instance.user
        factor: Authenticator = super().save()
        changed = {"from": before, "to": self.cleaned_data["name"]}
        record_about(user, actor=user, action="user.passkey_renamed", meta=changed)
        return factor


def _known_parts(credential: dict[str, Any]) -> dict[str, Any]:
    """Return what counts of a credential. Raises what _MALFORMED names for anything that is not base64url."""
    response = {name: _base64url(credential["response"][name]) for name in _PARTS if credential["response"].get(name)}
    kept: dict[str, Any] = {name: _base64url(credential[name]) for name in ("id", "rawId")}
    resident = credential.get("clientExtensionResults", {}).get("credProps", {}).get("rk")
    extensions = {"credProps": {"rk": resident}} if isinstance(resident, bool) else {}
    return {**kept, "type": "public-key", "response": response, "clientExtensionResults": extensions}


def _base64url(text: str) -> str:
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    return text


def _check_origin(response: AuthenticationResponse | RegistrationResponse) -> None:
    if response.response.client_data.origin != relying_party_origin():
        raise _refusal()


def _refusal() -> ValidationError:
    return ValidationError(
        "This passkey could not be checked. Try again, or use another way.", code="incorrect_passkey"
    )
