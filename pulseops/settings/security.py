"""Cookies, headers and the content security policy."""

from __future__ import annotations

from csp.constants import NONE, SELF

from pulseops.core.config.environment import env
from pulseops.settings.place import DEBUG, IS_HTTPS, PUBLIC_HOST

# On plain http://localhost a Secure cookie would lock the operator out of their own machine.
_secure_cookies = not DEBUG and (IS_HTTPS or PUBLIC_HOST not in {"localhost", "127.0.0.1", "::1"})
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.switch("SECURE_COOKIES", _secure_cookies)
CSRF_COOKIE_HTTPONLY = True
# Browsers take a cookie of such a name from this very host alone, over TLS; no other host of the domain can set it.
FORMER_COOKIE_NAMES = {"SESSION_COOKIE_NAME": "pulseops_session", "CSRF_COOKIE_NAME": "csrftoken"}
_prefix = "__Host-" if SESSION_COOKIE_SECURE and IS_HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = (f"{_prefix}{name}" for name in FORMER_COOKIE_NAMES.values())
_unused = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "geolocation"),
    *("gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in _unused)  # no script in a page shall use them either
METRICS_TOKEN = env.text("METRICS_TOKEN")  # what /metrics is asked with; without it this machine alone may ask
CSRF_FAILURE_VIEW = "pulseops.pages.error_pages.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 30 * 24 * 3600 if IS_HTTPS and not DEBUG else 0)
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
# What machines send has limits of its own: INGEST_MAX_BYTES, and those of the deployments API and GitHub's webhook.
PAGE_MAX_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = env.whole("PAGE_MAX_BYTES", 1024 * 1024, least=64 * 1024)
FILE_UPLOAD_HANDLERS = ["pulseops.core.web.body.NoFiles"]
