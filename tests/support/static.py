"""Static files as the product has them, bundled, hashed and compressed: made once for all tests, and kept."""

from __future__ import annotations

import fcntl
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from pulseops.core.config.staticfiles import collect_changed

BUNDLING = {"BACKEND": "pulseops.core.config.staticfiles.BundlingStorage"}


def collected() -> str:
    """Return the directory of the collected static files; the first that asks, in whichever process, fills it."""
    Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
    with Path(settings.DATA_DIR, "static.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": BUNDLING}):
            collect_changed()
    return str(settings.STATIC_ROOT)
