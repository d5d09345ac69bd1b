"""Accounts: passwords, sessions, sign-in by django-allauth, the audit log's retention, and mail."""

from __future__ import annotations

from pulseops.core.config.environment import env
from pulseops.settings.place import DATA_DIR, DEBUG, PUBLIC_HOST

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = ["accounts.passwords.BcryptHasher"]
PASSWORD_MIN_LENGTH = 10
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": PASSWORD_MIN_LENGTH},
    },
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.MaximumBytesValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/dashboard"
LOGOUT_REDIRECT_URL = "/"
SESSION_ENGINE = "accounts.sessions"
SESSION_IDLE_HOURS = env.whole("SESSION_IDLE_HOURS", 30 * 24, least=1)  # without a page, until a session ends
SESSION_ABSOLUTE_HOURS = env.whole("SESSION_ABSOLUTE_HOURS", 90 * 24, least=1)  # after signing in, until it ends anyway
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_HOURS * 3600  # seconds; the session's row ends before
SESSION_COOKIE_SAMESITE = "Lax"

ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True  # every cookie lasts SESSION_COOKIE_AGE
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password": "accounts.forms.ResetRequestForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
}
# Wrong passwords for one account, from anywhere but a browser that has signed in before; then those wait.
LOGIN_FAILURES_PER_HOUR = env.whole("LOGIN_FAILURES_PER_HOUR", 50, least=5)
PASSWORD_RESET_TIMEOUT = 3600  # seconds

# Who may make an account: "first" the first person, who becomes superuser, and then the invited; "invited" those alone;
# "open" everybody who can read mail at their address, for which EMAIL_URL is needed.
SIGNUP = env.one_of("SIGNUP", "first", ("first", "invited", "open"))
INVITATIONS_PER_DAY = env.whole("INVITATIONS_PER_DAY", 50, least=1)  # of one organisation, new links included
MAILS_PER_ADDRESS = env.whole("MAILS_PER_ADDRESS", 3, least=1)  # a day, to who has not asked for them: invitations
# What accounts/throttles.py counts by, beside the names that are allauth's own.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",  # wrong codes of the second factor, by account
    "login_failed_network": "5/5m/key",  # wrong passwords, by account and network
    "login_failed_account": f"{LOGIN_FAILURES_PER_HOUR}/h/key",  # by account, from strangers
    "login_failed_device": "5/5m/key,20/h/key",  # by account and browser that has signed in before
    "login_failed_address": "10/m/ip",  # of strangers, whatever the account
    "reset_password": "20/m/ip",
    "reset_network": "5/5m/key",  # requests for a reset link, by account and network
    "reset_account": "5/h/key",  # mails with one, by account, for strangers
    "reset_device": "5/h/key",  # the same for a browser that has signed in before
    "change_password": "5/m/user",
    "signup": "20/m/ip",
    "reauthenticate": "10/m/user,60/h/user",
    "mail_address": f"{MAILS_PER_ADDRESS}/d/key",  # mails that someone else brought about, by address
    "failure_rows": "10/h/key",  # failed sign-ins that are filed in the audit logs, by account
    "message_link": "60/m/key",  # links of messages that are opened or pressed, by network
    "create_org": "50/d/user",
    "confirm_address": "5/5m/key,20/h/key",  # wrong passwords for one link that proves an address
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}  # challenges and answers to them: two for a sign-in by passkey
MFA_TOTP_ISSUER = "PulseOps"
MFA_FORMS = {
    "authenticate": "accounts.forms.AuthenticateForm",
    "reauthenticate": "accounts.forms.ReauthenticateByCodeForm",
    "activate_totp": "accounts.forms.ActivateForm",
    "add_webauthn": "accounts.passkey_forms.AddPasskeyForm",
    "edit_webauthn": "accounts.passkey_forms.RenamePasskeyForm",
    "authenticate_webauthn": "accounts.passkey_forms.AuthenticateByPasskeyForm",
    "reauthenticate_webauthn": "accounts.passkey_forms.ReauthenticateByPasskeyForm",
    "login_webauthn": "accounts.passkey_forms.SignInByPasskeyForm",
}
MFA_TOTP_TOLERANCE = 1  # periods of 30 seconds either way, for clocks that are off
MFA_ADAPTER = "accounts.adapters.MfaAdapter"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"

# Since a user last gave a password or a code; then keys, members, channels and deletions ask again.
REAUTHENTICATION_MINUTES = env.whole("REAUTHENTICATION_MINUTES", 15, least=1)
SUPERUSERS_NEED_TWO_FACTOR = env.switch("SUPERUSERS_NEED_TWO_FACTOR", False)
# Since a superuser last gave a password or a code; then the Django admin asks again.
ADMIN_PROOF_MINUTES = env.whole("ADMIN_PROOF_MINUTES", 30, least=1)
# The installation's own OpenID Connect provider; organisations have theirs in the database.
OIDC_ISSUER = env.url("OIDC_ISSUER", "", ("https", "http")).rstrip("/")
OIDC_NAME = env.text("OIDC_NAME", "single sign-on")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
OIDC_DOMAINS = env.words("OIDC_DOMAINS")  # of addresses that it speaks for; none: all that it calls verified
OIDC_PRIVATE_ISSUERS = env.switch("OIDC_PRIVATE_ISSUERS", False)  # of organisations, on OUTGOING_PRIVATE_HOSTS
SOCIALACCOUNT_ADAPTER = "accounts.oidc.adapter.OidcAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form of ours may lead nowhere else (CSP form-action), a link may
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True}}
AUDIT_RETENTION_DAYS = env.whole("AUDIT_RETENTION_DAYS", 365)  # 0 keeps audit rows forever
# How long the audit log of a deleted organisation is kept, for superusers to read in the Django admin.
AUDIT_DELETED_ORG_DAYS = env.whole("AUDIT_DELETED_ORG_DAYS", 30)

EMAIL_URL = env.text("EMAIL_URL")
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"PulseOps <pulseops@{PUBLIC_HOST}>")
if EMAIL_URL:
    globals().update(env.mail("EMAIL_URL"))
elif DEBUG:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
else:
    EMAIL_BACKEND = "accounts.mail_backend.PrivateFileBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
