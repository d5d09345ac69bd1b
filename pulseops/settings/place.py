"""Where this installation stands: its directories, its address, its secrets."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pulseops.core import metrics_directory
from pulseops.core.config.environment import ROOT, env
from pulseops.core.config.secrets import stored_secret
from pulseops.server import options

BASE_DIR: Path = ROOT
PORT: int = options.PORT
DEBUG = env.switch("DEBUG", False)
DATA_DIR = env.path("PULSEOPS_DATA_DIR", ROOT / "var")
metrics_directory.prepare(DATA_DIR)
DATABASE_URL = env.text("DATABASE_URL")
REDIS_URL = env.url("REDIS_URL", "", ("redis", "rediss", "unix"))

DEMO = env.switch("PULSEOPS_DEMO", True)  # a demo organisation on the first run of `manage.py up`
DEMO_LIVE = env.switch("PULSEOPS_DEMO_LIVE", True)  # which goes on while `manage.py up` runs

# -- Where it is reached -----------------------------------------------------------------------------------------------
PUBLIC_URL = env.url("PUBLIC_URL", f"http://localhost:{PORT}", ("https", "http")).rstrip("/")
_public = urlsplit(PUBLIC_URL)
PUBLIC_HOST = _public.hostname or "localhost"
IS_HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or sorted({PUBLIC_HOST, "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
TRUSTED_PROXIES: int = options.TRUSTED_PROXIES
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- Secrets -----------------------------------------------------------------------------------------------------------
# From the environment; else made once and kept in the data directory. Behind a DATABASE_URL several machines may serve,
# so a secret that one of them made up would be wrong: there a missing one stays empty and `pulseops.core.checks`
# refuses to start.
_keep_secrets = DEBUG or not DATABASE_URL


def _secret(name: str) -> str:
    if given := env.text(name):
        return given
    if not _keep_secrets:
        return ""
    try:
        return stored_secret(DATA_DIR, name)
    except OSError as error:
        env.note("PULSEOPS_DATA_DIR", f"PULSEOPS_DATA_DIR is {DATA_DIR}, which cannot be used: {error.strerror}.")
        return ""


SECRET_KEY = _secret("SECRET_KEY") or "unset"
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")  # keys before this one, which still verify and decrypt
API_KEY_SALT = _secret("API_KEY_SALT")
API_KEY_SALT_FALLBACK = env.text("API_KEY_SALT_FALLBACK")  # the salt before this one: keys go over to the new on use
INTERNAL_CRON_SECRET = _secret("INTERNAL_CRON_SECRET")
