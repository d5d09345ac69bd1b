"""What a person has to check after a takeover. It reads documented columns alone, so it holds before and after."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import connection

from alerts.params import ParamsError
from alerts.rule_types import read_params

_INTEGRATIONS = """
SELECT o.name, s.name, i.repo_owner || '/' || i.repo_name, i.webhook_secret_hash = ''
FROM github_integrations i JOIN services s ON s.id = i.service_id JOIN orgs o ON o.id = s.org_id
WHERE coalesce((to_jsonb(i) ->> 'secret_version')::integer, 0) = 0 ORDER BY 1, 2
"""
_DUPLICATES = "SELECT array_agg(email ORDER BY email) FROM users GROUP BY lower(email) HAVING count(*) > 1 ORDER BY 1"
_PASSWORDS = r"SELECT email FROM users WHERE password_hash !~ '^(\$2[aby]\$|!)' ORDER BY 1"
_RULES = "SELECT id, name, type, params_json FROM alert_rules ORDER BY id"
_CHANNELS = """
SELECT o.name, c.type FROM notification_channels c JOIN orgs o ON o.id = c.org_id
WHERE coalesce(c.config_json ->> 'webhook_url', c.config_json ->> 'webhookUrl',
               c.config_json ->> 'webhook_url_encrypted', '') = '' ORDER BY 1, 2
"""
_MESSAGES = """
SELECT o.name, j.payload_json ->> 'title' FROM notification_jobs j JOIN orgs o ON o.id = j.org_id
WHERE j.status IN ('pending', 'processing') AND to_jsonb(j) ->> 'channel_id' IS NULL AND NOT EXISTS (
    SELECT FROM notification_channels c WHERE c.org_id = j.org_id AND coalesce(c.enabled, true)
        AND coalesce(c.config_json ->> 'webhook_url', c.config_json ->> 'webhookUrl')
            = coalesce(j.payload_json ->> 'webhookUrl', j.payload_json ->> 'webhook_url'))
ORDER BY j.created_at
"""
_UNENFORCED = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE NOT convalidated AND connamespace = 'public'::regnamespace ORDER BY 1, 2
"""


def needs_a_person() -> list[str]:
    """Return a sentence for each thing that someone has to see to, none of it secret."""
    return [sentence for look in _LOOKS for sentence in look()]


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _settings() -> Iterator[str]:
    if _rows("SELECT FROM api_keys LIMIT 1") and not os.environ.get("API_KEY_SALT"):
        yield "Set API_KEY_SALT to the old installation's, or no existing API key is accepted."


def _integrations() -> Iterator[str]:
    for org, service, repository, has_none in _rows(_INTEGRATIONS):
        where = f"{org}, {service}: the webhook of {repository}"
        if not has_none:
            yield f"{where} was signed with a secret that only the old software knew. Make a new one on its page."
        elif settings.GITHUB_WEBHOOK_SECRET:
            yield f"{where} has no secret of its own and counts on GITHUB_WEBHOOK_SECRET. Make one on its page."
        else:
            yield f"{where} has no secret: deliveries are refused. Set GITHUB_WEBHOOK_SECRET, or make one on its page."


def _addresses() -> Iterator[str]:
    for (twins,) in _rows(_DUPLICATES):
        yield f"{' and '.join(twins)} are different accounts. Each signs in with its address spelt exactly so."


def _passwords() -> Iterator[str]:
    for (email,) in _rows(_PASSWORDS):
        yield f"{email} has a password that is not bcrypt's, so it has to be reset."


def _rules() -> Iterator[str]:
    for number, name, kind, given in _rows(_RULES):
        try:
            read_params(kind, json.loads(given) if isinstance(given, str) else given)
        except ParamsError as error:
            yield f"The rule {name} ({number}) cannot be read and is not evaluated. {error}"


def _channels() -> Iterator[str]:
    for org, kind in _rows(_CHANNELS):
        yield f"{org}: a {kind} channel has no address, so nothing is sent to it."


def _messages() -> Iterator[str]:
    for org, title in _rows(_MESSAGES):
        name = title or "Untitled"
        yield f"{org}: the message “{name}” waits for a channel that is not there. It is shown as failed."


def _references() -> Iterator[str]:
    for table, name in _rows(_UNENFORCED):
        yield f"{table}: {name} does not hold for some old rows, so it is enforced for new ones alone."


def _orphaned_logs() -> Iterator[str]:
    if _rows("SELECT to_regclass('logs_of_nobody')") == [(None,)]:
        return
    for (number,) in _rows("SELECT count(*) FROM logs_of_nobody"):
        yield f"{number} logs had neither an organisation nor a service. They are in the table logs_of_nobody."


_LOOKS: tuple[Callable[[], Iterator[str]], ...] = (
    _settings, _integrations, _addresses, _passwords, _rules, _channels, _messages, _references,
    _orphaned_logs,
)  # fmt: skip
