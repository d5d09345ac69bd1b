"""System checks for settings that would hurt later."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

_NAMES = ("SECRET_KEY", "API_KEY_SALT", "INTERNAL_CRON_SECRET")


@checks.register()
def settings_can_be_used(**_: Any) -> list[CheckMessage]:
    """What the environment says must be of the kind that it is read as."""
    hint = "Correct it in the environment or in .env; docs/operations.md lists the settings."
    return [checks.Error(wrong.text, hint=hint, id="pulseops.E010") for wrong in settings.WRONG_SETTINGS]


@checks.register()
def secrets_are_set(**_: Any) -> list[CheckMessage]:
    """Behind a DATABASE_URL each machine must be given the same secrets: none is made up."""
    if settings.DEBUG or settings.WRONG_SETTINGS:
        return []
    return [
        checks.Error(
            f"{name} is not set.",
            hint=f"With a DATABASE_URL set {name} to a long random value, the same on every machine "
            "(for example from `openssl rand -hex 32`).",
            id=f"pulseops.E00{number}",
        )
        for number, name in enumerate(_NAMES, start=1)
        if getattr(settings, name) in {"", "unset"}
    ]


@checks.register()
def a_batch_fits_into_a_minute(**_: Any) -> list[CheckMessage]:
    """A key that may send less in a minute than in a batch could never send a full one."""
    if settings.INGEST_BYTES_PER_MINUTE >= settings.INGEST_MAX_BYTES:
        return []
    return [
        checks.Error(
            "INGEST_BYTES_PER_MINUTE is below INGEST_MAX_BYTES, so a batch that is allowed would be refused forever.",
            hint="Raise the one or lower the other.",
            id="pulseops.E011",
        )
    ]


@checks.register()
def cookies_are_secure(**_: Any) -> list[CheckMessage]:
    """A public address without TLS sends session cookies and API keys in the clear."""
    if settings.DEBUG or settings.SESSION_COOKIE_SECURE or not _is_public():
        return []
    return [
        checks.Warning(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: session cookies travel unencrypted.",
            hint="Put a TLS proxy in front and set PUBLIC_URL to its https:// address.",
            id="pulseops.W001",
        )
    ]


@checks.register()
def open_sign_up_has_mail(**_: Any) -> list[CheckMessage]:
    """Without mail no one can show that an address is theirs, so sign-up stays closed."""
    if settings.SIGNUP != "open" or settings.EMAIL_URL:
        return []
    return [
        checks.Warning(
            "SIGNUP is open, but EMAIL_URL is not set: beyond the first account people join by invitation only.",
            hint="Set EMAIL_URL: a new account counts once the link is opened that is mailed to its address.",
            id="pulseops.W002",
        )
    ]


@checks.register()
def served_from_the_root_of_a_host(**_: Any) -> list[CheckMessage]:
    """Machines know the paths of the APIs as they are, and cookies are the whole host's: there is no sub-path."""
    path = urlsplit(settings.PUBLIC_URL).path
    if not path.strip("/"):
        return []
    return [
        checks.Error(
            f"PUBLIC_URL has a path, {path}: PulseOps is served from the root of a host of its own.",
            hint="Give it a host name, such as https://pulseops.example.com, and let the proxy pass all paths on.",
            id="pulseops.E012",
        )
    ]


def _is_public() -> bool:
    return not settings.PUBLIC_URL.startswith(("http://localhost", "http://127.0.0.1", "http://[::1]"))
