"""Settings, all from the environment; `docs/operations.md` lists them.

Nothing here opens a connection or starts a process. With no DATABASE_URL the engine `pulseops.core.postgres` starts the
embedded PostgreSQL on the first connection. Each file beside this one tells one story; this one names the parts of the
application and puts all together.
"""

from __future__ import annotations

from pulseops.core.config.environment import ROOT, env
from pulseops.settings.accounts import *
from pulseops.settings.database import *
from pulseops.settings.limits import *
from pulseops.settings.logging import *
from pulseops.settings.place import *
from pulseops.settings.place import DEBUG
from pulseops.settings.security import *

# -- Application -------------------------------------------------------------------------------------------------------
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
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
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
    "pulseops.core.web.correlation.CorrelationMiddleware",
    "pulseops.core.web.machine_routes.MachineRoutesMiddleware",  # what stands below runs for pages, not for ingest
    "pulseops.pages.body_limit.PageBodyMiddleware",
    "pulseops.core.web.packing.PackingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "pulseops.core.web.stack_room.StackRoomMiddleware",
    "pulseops.core.web.page_metrics.PageMetricsMiddleware",  # below what serves static files
    "csp.middleware.CSPMiddleware",
    "pulseops.core.web.permissions_policy.PermissionsPolicyMiddleware",
    "accounts.middleware.FormerCookieNamesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SignedInMiddleware",
    "accounts.tenancy.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pulseops.core.web.timezones.ReaderZoneMiddleware",
    "accounts.tenancy.TenancyMiddleware",
    "pulseops.pages.error_pages.NotAllowedMiddleware",
    "pulseops.pages.admin_input.AdminInputMiddleware",
]
ROOT_URLCONF = "pulseops.urls"
WSGI_APPLICATION = "pulseops.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "pulseops.core.ui.context_processors.frame",
                "accounts.context_processors.tenancy",
                "pulseops.pages.banners.banners",
            ],
            "builtins": ["accounts.templatetags.page_org"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# -- Language, time, static --------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "pulseops.formats"  # for the Django admin; our pages have tags of their own
SILENCED_SYSTEM_CHECKS = ["models.E034"]  # index names over 30 characters: Oracle's limit; the schema has three
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", ROOT / "staticfiles")
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "pulseops.core.config.staticfiles.BundlingStorage"
    },
}

WRONG_SETTINGS = env.wrong  # told by pulseops.core.checks; all of the environment has been read by now
