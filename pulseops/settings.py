"""Settings, all from the environment; `docs/operations.md` lists them.

Nothing here opens a connection or starts a process. With no DATABASE_URL the engine `pulseops.core.postgres` starts the
embedded PostgreSQL on the first connection.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from pulseops.core.secrets import stored_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)

DEBUG = env.bool("DEBUG", False)
DATA_DIR = Path(env.str("PULSEOPS_DATA_DIR", str(BASE_DIR / "var"))).expanduser().absolute()
PORT = env.int("PORT", 8000)
DATABASE_URL = env.str("DATABASE_URL", "")
REDIS_URL = env.str("REDIS_URL", "")

# -- Where it is reached ---------------------------------------------------------------------------------------------
PUBLIC_URL = env.str("PUBLIC_URL", f"http://localhost:{PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
IS_HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or sorted(
    {_public.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"}
)
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)  # how many proxies of ours stand in front and append X-Forwarded-For
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- Secrets: from the environment; else made once and kept in the data directory -------------------------------------
# Behind a DATABASE_URL several machines may serve, so a secret that one of them made up would be wrong: there a missing
# one stays empty and `pulseops.core.checks` refuses to start.
_keep_secrets = DEBUG or not DATABASE_URL


def _secret(name: str) -> str:
    return env.str(name, "") or (stored_secret(DATA_DIR, name) if _keep_secrets else "")


SECRET_KEY = _secret("SECRET_KEY") or "unset"
API_KEY_SALT = _secret("API_KEY_SALT")
INTERNAL_CRON_SECRET = _secret("INTERNAL_CRON_SECRET")

# -- Application -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "pulseops.core",
    "accounts",
    "services",
    "logs",
    "deployments",
    "notifications",
    "incidents",
    "alerts",
    "pulseops",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "django_q",
]
MIDDLEWARE = [
    "pulseops.core.correlation.CorrelationMiddleware",
    "pulseops.core.machines.MachineRoutesMiddleware",  # what stands below runs for pages, not for ingest
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SignedInMiddleware",
    "accounts.tenancy.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pulseops.core.zones.ReaderZoneMiddleware",
    "accounts.tenancy.TenancyMiddleware",
    "pulseops.errors.NotAllowedMiddleware",
]
ROOT_URLCONF = "pulseops.urls"
WSGI_APPLICATION = "pulseops.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "pulseops.core.context.frame",
                "accounts.context.tenancy",
                "pulseops.troubles.banners",
            ],
            "builtins": ["accounts.templatetags.page_org"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# -- Database, cache, queue ------------------------------------------------------------------------------------------
if DATABASE_URL:
    DATABASES = {"default": {**env.db_url("DATABASE_URL"), "ENGINE": "django.db.backends.postgresql"}}
else:
    DATABASES = {"default": {"ENGINE": "pulseops.core.postgres", "NAME": "pulseops"}}
# The web process sets a size and shares a pool between its threads; everything else keeps one connection a thread.
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", 0)
DATABASE_WAIT_SECONDS = env.int("DATABASE_WAIT_SECONDS", 5)  # for a connection; then the answer is 503
DATABASE_ANSWER_SECONDS = env.float("DATABASE_ANSWER_SECONDS", 20)  # for one answer to a page or sender; 0: no limit
MIGRATE_LOCK_SECONDS = env.int("MIGRATE_LOCK_SECONDS", 5)  # for a table's lock; then `migrate` lets go and tries again
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASE_POOL_SIZE:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL_SIZE,
        "timeout": DATABASE_WAIT_SECONDS,
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600

# Throttles must count across processes, so the cache is shared: a table, or Redis. What may differ between processes
# for some seconds is kept in each.
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "pulseops",
        }
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "cache_entries",
            # Beyond it entries go, whether they have expired or not. Django's 300 would let whoever fails to sign in
            # as 300 people wipe out the count of failures; the job trim_cache takes away what has expired.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    ),
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "process"},
}

Q_CLUSTER = {
    "name": "pulseops",
    "workers": env.int("WORKERS", 2),
    "timeout": 120,
    "retry": 180,  # seconds; above `timeout`, or a slow task would be handed out twice
    "max_attempts": 1,  # our own tables hold what is still to be done
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.5,  # seconds
    "save_limit": 500,
    "max_rss": 300_000,  # KiB
    "recycle": 5_000,
    "label": "Background work",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}

# -- Accounts --------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = ["accounts.passwords.BcryptHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
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
SESSION_COOKIE_NAME = "pulseops_session"
SESSION_COOKIE_AGE = 7 * 24 * 3600  # seconds
SESSION_COOKIE_SAMESITE = "Lax"

ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True  # every session lasts SESSION_COOKIE_AGE
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password": "accounts.forms.ResetRequestForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
}
PASSWORD_RESET_TIMEOUT = 3600  # seconds
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "change_password": "5/m/user",
    "signup": "20/m/ip",
    "reauthenticate": "10/m/user",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "PulseOps"
MFA_FORMS = {
    "authenticate": "accounts.forms.AuthenticateForm",
    "reauthenticate": "accounts.forms.ReauthenticateByCodeForm",
    "activate_totp": "accounts.forms.ActivateForm",
}
MFA_TOTP_TOLERANCE = 1  # periods of 30 seconds either way, for clocks that are off
MFA_ADAPTER = "accounts.adapters.MfaAdapter"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"

AUDIT_RETENTION_DAYS = env.int("AUDIT_RETENTION_DAYS", 365)  # 0 keeps audit rows for ever

EMAIL_URL = env.str("EMAIL_URL", "")
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"PulseOps <pulseops@{_public.hostname}>")
if EMAIL_URL:
    globals().update(env.email_url("EMAIL_URL"))
elif DEBUG:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
else:
    EMAIL_BACKEND = "accounts.mail_files.PrivateFileBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"

# -- Ingest limits (contracts.md) ------------------------------------------------------------------------------------
INGEST_MAX_ENTRIES = env.int("INGEST_MAX_ENTRIES", 5_000)
INGEST_MAX_BYTES = env.int("INGEST_MAX_BYTES", 5 * 1024 * 1024)  # decoded
INGEST_MAX_MESSAGE_BYTES = env.int("INGEST_MAX_MESSAGE_BYTES", 256 * 1024)
INGEST_MAX_DEPTH = env.int("INGEST_MAX_DEPTH", 32)
INGEST_MIN_FREE_BYTES = env.int("INGEST_MIN_FREE_BYTES", 1024**3)  # on the embedded database's disk; below it, 503
INGEST_BODY_SECONDS = env.int("INGEST_BODY_SECONDS", 10)  # within which a body must have arrived
INGEST_RATE_PER_MINUTE = env.int("INGEST_RATE_PER_MINUTE", 60_000)  # logs per API key, unless the key has its own

# -- Deployments -----------------------------------------------------------------------------------------------------
# Verifies the deliveries of integrations from older installations that have no secret of their own; of those alone.
GITHUB_WEBHOOK_SECRET = env.str("GITHUB_WEBHOOK_SECRET", "")

# -- Outgoing requests -----------------------------------------------------------------------------------------------
# Hosts beside Slack's and Discord's that channels may post to, "name" or "name:port": a Mattermost, say.
NOTIFICATION_HOSTS = env.list("NOTIFICATION_HOSTS", default=[])
# Of those, the ones of the operator's own network: they may have inner addresses and speak plain http.
OUTGOING_PRIVATE_HOSTS = env.list("OUTGOING_PRIVATE_HOSTS", default=[])
NOTIFICATION_ATTEMPTS = env.int("NOTIFICATION_ATTEMPTS", 5)
NOTIFICATION_TIMEOUT_SECONDS = env.float("NOTIFICATION_TIMEOUT_SECONDS", 10)  # for one message, all in all
NOTIFICATION_LEASE_SECONDS = env.int("NOTIFICATION_LEASE_SECONDS", 60)  # well above that timeout
INCIDENT_RETENTION_DAYS = env.int("INCIDENT_RETENTION_DAYS", 365)  # after they were resolved
OUTGOING_CA_BUNDLE = env.str("OUTGOING_CA_BUNDLE", "")  # a file of certificates to trust instead of the usual ones

# -- Security --------------------------------------------------------------------------------------------------------
# On plain http://localhost a Secure cookie would lock the operator out of their own machine.
_secure_cookies = not DEBUG and (IS_HTTPS or _public.hostname not in {"localhost", "127.0.0.1", "::1"})
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", _secure_cookies)
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "pulseops.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 30 * 24 * 3600 if IS_HTTPS and not DEBUG else 0)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 26 * 1024 * 1024  # bytes; GitHub sends up to 25 MB; ingest has its own, lower limit

# -- Searching logs --------------------------------------------------------------------------------------------------
LOG_SEARCH_SECONDS = env.float("LOG_SEARCH_SECONDS", 1.0)  # until a search stops and offers to go on
LOG_COUNT_SECONDS = env.float("LOG_COUNT_SECONDS", 0.5)  # the same for the histogram and the facets
LOG_SEARCH_SLOTS = env.int("LOG_SEARCH_SLOTS", 2)  # slow searches of one organisation at the same time
LOG_EXPORT_ROWS = env.int("LOG_EXPORT_ROWS", 1_000_000)

# -- Language, time, static ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
SILENCED_SYSTEM_CHECKS = ["models.E034"]  # index names over 30 characters: Oracle's limit; the schema has three
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "pulseops.core.staticfiles.BundlingStorage"
    },
}

# -- Logging ---------------------------------------------------------------------------------------------------------
LOG_FORMAT = env.str("LOG_FORMAT", "text" if DEBUG else "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation": {"()": "pulseops.core.logging.CorrelationFilter"}},
    "formatters": {
        "json": {"()": "pulseops.core.logging.JsonFormatter"},
        "text": {"()": "pulseops.core.logging.TextFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["correlation"]},
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        "django-q": {"handlers": [], "propagate": True},
    },
}
