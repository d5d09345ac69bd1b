"""Logs that belong to nothing any more: the table has no foreign keys, so only a look says whether there are any."""

from __future__ import annotations

from dataclasses import dataclass

from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_within
from services.queries import all_environments

_SECONDS = 3.0
_SCOPES = """
    SELECT org_id, service_id, environment_id, sum(count)::bigint FROM log_counts
    WHERE service_id IS NOT NULL GROUP BY 1, 2, 3
"""
_SET_ASIDE = "SELECT CASE WHEN to_regclass('logs_of_nobody') IS NULL THEN 0 ELSE 1 END"


@dataclass(frozen=True, slots=True)
class Orphans:
    """How many logs have a service or environment that does not exist, and whether a takeover has set some aside."""

    logs: int
    are_set_aside: bool


def orphans() -> Orphans | None:
    """Look for them by the counts; None where there are too many counts to look through in some seconds."""
    known = {(org, service, environment) for org, service, environment in all_environments()}
    services = {(org, service) for org, service, _ in known}
    try:
        rows = fetch_within(_SECONDS, _SCOPES, ())
    except QueryTimeoutError:
        return None
    lost = [
        count
        for org, service, environment, count in rows
        if ((org, service) not in services if environment is None else (org, service, environment) not in known)
    ]
    return Orphans(sum(lost), bool(fetch_within(_SECONDS, _SET_ASIDE, ())[0][0]))
