"""The product's settings for tests: a data directory of their own, cheap passwords, no manifest."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("PULSEOPS_DATA_DIR", str(Path(__file__).resolve().parent.parent / "var" / "test"))
os.environ.setdefault("STATIC_ROOT", str(Path(os.environ["PULSEOPS_DATA_DIR"], "static")))
os.environ.setdefault("PUBLIC_URL", "http://localhost:8000")
os.environ.setdefault("SECRET_KEY", "tests")
os.environ.setdefault("API_KEY_SALT", "tests")
os.environ.setdefault("INTERNAL_CRON_SECRET", "tests")
os.environ.setdefault("LOG_PAGE_COUNT_SECONDS", "3600")  # a page counts all of a test's few logs on a busy machine too

from pulseops.settings import *  # noqa: F403
from pulseops.settings import CACHES, DATABASES, STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
BCRYPT_ROUNDS = 4
CACHES["process"] = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}  # or tests would see each other's

# Nothing here has to outlive the machine, so the embedded PostgreSQL need not wait for the disk; a killed one still
# loses nothing that it acknowledged.
DATABASES["default"]["EMBEDDED"] = {"SETTINGS": {"fsync": "off", "full_page_writes": "off"}}
WHITENOISE_AUTOREFRESH = True  # static files straight from their sources
WHITENOISE_USE_FINDERS = True
