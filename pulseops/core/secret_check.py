"""Whether the secrets of the environment are those that the database was filled with.

The database keeps a check value of each. A database that is restored beside other secrets fails in ways that nothing
explains (API keys 403, webhooks 401, second factors refused), so diagnostics, banners and a system check report it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, connections

from pulseops.core.config.encryption import secret_keys
from pulseops.core.models import SecretCheck

NAMES = ("SECRET_KEY", "API_KEY_SALT")
_LOST = {
    "SECRET_KEY": "GitHub's webhooks are answered 401, second factors and channels cannot be read.",
    "API_KEY_SALT": "Every API key is answered 403.",
}
HINT = (
    "Put the secrets back that belong to this database (docs/operations.md, Backup and restore). If they are lost, "
    "`manage.py reencrypt_secrets --accept` takes those of today as this database's."
)


def remember_secrets() -> None:
    """Write the check value of each secret, unless there is one: the database was filled with these."""
    rows = [SecretCheck(name=name, value=_value(name, current)) for name, (current, *_) in _secrets().items()]
    SecretCheck.objects.bulk_create(rows, ignore_conflicts=True)


def accept_secrets() -> None:
    """Let the secrets of today be this database's from now on."""
    for name, (current, *_) in _secrets().items():
        SecretCheck.objects.update_or_create(name=name, defaults={"value": _value(name, current)})


def stored_values() -> dict[str, str]:
    """Return the database's check values by the secret's name."""
    return dict(SecretCheck.objects.values_list("name", "value"))


def foreign_secrets(stored: Mapping[str, str]) -> Sequence[str]:
    """Return the names of the secrets that do not fit the check values `stored`, nor do those before them."""
    return [
        name
        for name, candidates in _secrets().items()
        if name in stored and not any(hmac.compare_digest(stored[name], _value(name, each)) for each in candidates)
    ]


def consequence(name: str) -> str:
    """Say what a secret that is not the database's brings about."""
    return f"{name} is not the one that this database was filled with. {_LOST[name]}"


def _secrets() -> dict[str, list[str]]:
    salts = [settings.API_KEY_SALT, *filter(None, [settings.API_KEY_SALT_FALLBACK])]
    return {"SECRET_KEY": list(secret_keys()), "API_KEY_SALT": salts}


def _value(name: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"pulseops check value of {name}".encode(), hashlib.sha256).hexdigest()


@checks.register(checks.Tags.database)
def secrets_belong_to_the_database(databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """Warn when they do not; asked for by `migrate` at every start, and by `manage.py check --database default`."""
    if "default" not in (databases or ()):
        return []
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT to_regclass('secret_checks') IS NOT NULL")
            stored = stored_values() if cursor.fetchone()[0] else {}
    except DatabaseError:  # which the command that asks will tell of
        return []
    return [checks.Warning(consequence(name), hint=HINT, id="pulseops.W024") for name in foreign_secrets(stored)]
