"""Signing up, in and out, passwords, the second factor: allauth's views one by one, under allauth's names.

What is not listed does not exist: no addresses to confirm, no sign-in by code.
"""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import path, re_path

from accounts.views import oidc, passkeys, sign_in

urlpatterns = [
    path("login", sign_in.sign_in, name="account_login"),
    path("login/passkey", passkeys.sign_in_by_passkey, name="mfa_login_webauthn"),
    path("signup", sign_in.sign_up, name="account_signup"),
    path("logout", sign_in.sign_out, name="account_logout"),
    path("account/password", sign_in.change_password, name="account_change_password"),
    path("account/reset", sign_in.ask_for_reset_link, name="account_reset_password"),
    path("account/reset/sent", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/reset/(?P<uidb36>[0-9a-f]{32})-(?P<key>[0-9A-Za-z-]{1,100})$",
        sign_in.set_new_password,
        name="account_reset_password_from_key",
    ),
    path("signin/<slug:provider_id>", oidc.begin, name="openid_connect_login"),
    path("signin/<slug:provider_id>/callback", oidc.callback, name="openid_connect_callback"),
    path("account/reauthenticate", account.reauthenticate, name="account_reauthenticate"),
    path("account/2fa", mfa.index, name="mfa_index"),
    path("account/2fa/sign-in", mfa.authenticate, name="mfa_authenticate"),
    path("account/2fa/reauthenticate", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/2fa/passkeys", passkeys.passkeys, name="mfa_list_webauthn"),
    path("account/2fa/passkeys/new", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("account/2fa/passkeys/confirm", passkeys.reauthenticate_by_passkey, name="mfa_reauthenticate_webauthn"),
    path("account/2fa/passkeys/<int:pk>/name", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("account/2fa/passkeys/<int:pk>/remove", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("account/2fa/app", totp.activate_totp, name="mfa_activate_totp"),
    path("account/2fa/app/remove", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/2fa/recovery-codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/2fa/recovery-codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/2fa/recovery-codes/download", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
]
