"""Cookies, headers and the content security policy."""

from __future__ import annotations

from csp.constants import NONE, SELF

from pulseops.core.config.environment import env
from pulseops.settings.place import DEBUG, IS_HTTPS, PUBLIC_HOST

# On plain http://localhost a Secure cookie would lock the operator out of their own machine.
_secure_cookies = not DEBUG and (IS_HTTPS or PUBLIC_HOST not in {"localhost", "127.0.0.1", "::1"})
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.switch("SECURE_COOKIES", _secure_cookies)
CSRF_COOKIE_HTTPONLY = True
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
