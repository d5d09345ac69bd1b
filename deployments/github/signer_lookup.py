"""Whose secret a delivery may be signed with, found before a byte of it is parsed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import Lower, RowNumber

from deployments.models import GitHubIntegration

SMALL_BODY = 64 * 1024  # bytes; up to here a delivery that names no one we know is tried against everybody
MAX_TRIED = 500  # integrations
HASHED_BYTES = 20 * SMALL_BODY  # in all, over the integrations that a body is tried against
LARGE_BODY = 1024 * 1024  # bytes; above, the address has to say which integration it is for
_MAX_NAMES = 16

# "full_name": "owner/name", plain as in JSON or percent-encoded as in a form.
_QUOTE = rb'(?:"|%22)'
_FULL_NAME = re.compile(
    _QUOTE + rb"full_name" + _QUOTE + rb"(?:\s|\+|%20)*(?::|%3A)(?:\s|\+|%20)*" + _QUOTE
    + rb"([A-Za-z0-9_.-]{1,100})(?:\\?/|(?:%5C)?%2F)([A-Za-z0-9_.-]{1,100})" + _QUOTE,
    re.IGNORECASE,
)  # fmt: skip


def hinted_integration(hint: str) -> GitHubIntegration | None:
    """Return the integration whose id stands in the webhook's address, None where it is of none."""
    try:
        return _integrations().filter(pk=UUID(hint)).first()
    except ValueError:
        return None


def named_integrations(body: bytes) -> list[GitHubIntegration]:
    """Return the integrations of the repositories that the raw body names, as many as it is worth trying.

    This is for addresses without a hint, as they were before. Names match without regard to case, as on GitHub.
    """
    names = {(owner.decode().lower(), name.decode().lower()) for owner, name in _names(body)}
    wanted = Q(pk__in=[])
    for owner, name in names:
        wanted |= Q(owner=owner, name=name)
    return list(_fairly(_integrations().filter(wanted))[: most_tried(body)]) if names else []


def all_integrations(body: bytes) -> Sequence[GitHubIntegration]:
    """Return all for a small body that names no one we know; for a large one, none.

    So a delivery that is signed rightly but is garbage, or is of a repository that no one mapped, gets its line in the
    log, while strangers cannot make the server compute for long.
    """
    return list(_fairly(_integrations())[: most_tried(body)]) if len(body) <= SMALL_BODY else []


def most_tried(body: bytes) -> int:
    """Return against how many integrations a body is tried: 20 from 64 kB on, and no more bytes are hashed of others.

    Each has a secret of its own, and so costs a hash over all of the body, whatever the sender.
    """
    return max(20, min(MAX_TRIED, HASHED_BYTES // max(1, len(body))))


def _integrations() -> QuerySet[GitHubIntegration]:
    rows = GitHubIntegration.objects.filter(service__org__deleted_at=None).select_related("service__org")
    return rows.annotate(owner=Lower("repo_owner"), name=Lower("repo_name"))


def _fairly(rows: QuerySet[GitHubIntegration]) -> QuerySet[GitHubIntegration]:
    """Order them: one of each organisation before a second one of any, and what was here first before what came later.

    So no one who maps another's repository, however often, has that one's deliveries not tried.
    """
    rank = Window(RowNumber(), partition_by=F("service__org"), order_by=F("created_at").asc())
    return rows.annotate(rank=rank).order_by("rank", "created_at", "pk")


def _names(body: bytes) -> list[tuple[bytes, bytes]]:
    result: dict[tuple[bytes, bytes], None] = {}
    for match in _FULL_NAME.finditer(body):
        result[(match[1], match[2])] = None
        if len(result) == _MAX_NAMES:
            break
    return list(result)
