"""Which web pages may send logs at all: a browser asks before it sends, without the key (CORS, fetch.spec.whatwg.org).

The answer to that question says that some key is for this page. What the key itself may do is judged when it comes.
"""

from __future__ import annotations

import time

from django.db import connection

from services.models import ApiKey

REMEMBERED_SECONDS = 10.0
_REMEMBERED = 1_000  # origins
_LONGEST = 300  # characters of an origin that is looked for
_IS_LISTED = """
    SELECT EXISTS (
        SELECT FROM api_keys k WHERE k.origins @> ARRAY[%s] AND %s = ANY (k.scopes)
            AND (k.revoked_at IS NULL OR k.revoked_at > statement_timestamp())
            AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
    )
"""
_known: dict[str, tuple[float, bool]] = {}


def is_allowed_origin(origin: str) -> bool:
    """Return whether a live key is for web pages of `origin`, as it was within the last ten seconds."""
    if not origin.startswith(("https://", "http://")) or len(origin) > _LONGEST or "\0" in origin:
        return False
    known = _known.get(origin)
    if known and known[0] > time.monotonic():
        return known[1]
    with connection.cursor() as cursor:
        cursor.execute(_IS_LISTED, [origin, ApiKey.Scope.LOGS.value])
        row = cursor.fetchone()
    if len(_known) >= _REMEMBERED:
        _known.clear()
    is_allowed = bool(row and row[0])
    _known[origin] = (time.monotonic() + REMEMBERED_SECONDS, is_allowed)
    return is_allowed
