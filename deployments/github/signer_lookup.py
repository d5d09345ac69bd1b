"""Whose secret a delivery may be signed with, found before a byte of it is parsed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from deployments.models import GitHubIntegration

SMALL_BODY = 64 * 1024  # bytes; up to here a delivery that names nobody we know is tried against everybody
MAX_TRIED = 500  # integrations
_MAX_NAMES = 16

# "full_name": "owner/name", plain as in JSON or percent-encoded as in a form.
_QUOTE = rb'(?:"|%22)'
_FULL_NAME = re.compile(
    _QUOTE + rb"full_name" + _QUOTE + rb"(?:\s|\+|%20)*(?::|%3A)(?:\s|\+|%20)*" + _QUOTE
    + rb"([A-Za-z0-9_.-]{1,100})(?:\\?/|(?:%5C)?%2F)([A-Za-z0-9_.-]{1,100})" + _QUOTE,
    re.IGNORECASE,
)  # fmt: skip


def named_integrations(body: bytes, hint: str) -> list[GitHubIntegration]:
    """Return the integrations that a delivery is addressed to.

    `hint` is the integration's id in the webhook's address; addresses of before have none, and then every repository
    that the raw body names counts. Names match without regard to case, as on GitHub.
    """
    hinted = _by_hint(hint)
    if hinted:
        return hinted
    names = {(owner.decode().lower(), name.decode().lower()) for owner, name in _names(body)}
    wanted = Q(pk__in=[])
    for owner, name in names:
        wanted |= Q(owner=owner, name=name)
    return list(_integrations().filter(wanted)) if names else []


def all_integrations(body: bytes) -> Sequence[GitHubIntegration]:
    """Return everybody, newest first, for a small body that names nobody we know; for a large one nobody.

    So a delivery that is signed rightly but is garbage, or is of a repository that nobody mapped, gets its line in the
    log, while strangers cannot make the server compute for long.
    """
    return list(_integrations().order_by("-created_at")[:MAX_TRIED]) if len(body) <= SMALL_BODY else []


def _by_hint(hint: str) -> list[GitHubIntegration]:
    try:
        return list(_integrations().filter(pk=UUID(hint)))
    except ValueError:
        return []


def _integrations() -> QuerySet[GitHubIntegration]:
    return GitHubIntegration.objects.select_related("service").annotate(
        owner=Lower("repo_owner"), name=Lower("repo_name")
    )


def _names(body: bytes) -> list[tuple[bytes, bytes]]:
    found: dict[tuple[bytes, bytes], None] = {}
    for match in _FULL_NAME.finditer(body):
        found[(match[1], match[2])] = None
        if len(found) == _MAX_NAMES:
            break
    return list(found)
