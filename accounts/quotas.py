"""How much an organisation, or a person, may have: each quota is a setting, and an action claims before it adds.

An app says in `AppConfig.ready` what it counts. What is counted is counted by the rows themselves, under a lock that is
held until the transaction ends, so that two at once do not both get the last place. A limit of 0 is none. What was
there before a limit was lowered stays; only nothing is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet

from accounts.models import Invitation, Membership, Org, Role, User
from accounts.refused import refused_in_a_day
from accounts.usage import spent_now
from pulseops.core.db.advisory_locks import transaction_lock


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit: the setting that holds it, what it is called in a sentence, and the rows of its owner that count.

    One with a `period` ("a day") has no rows: what is used in it is in accounts.usage, under the quota's name.
    """

    setting: str
    noun: str
    rows: Callable[[Any], Sequence[QuerySet[Any]]] = lambda _: ()
    period: str = ""
    owner: str = "An organisation"

    @property
    def limit(self) -> int:
        """As much as there may be; 0: no limit."""
        return int(getattr(settings, self.setting))


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """A quota and what an organisation has used of it; `used` is None of a limit that nothing is counted against.

    `refused` is how often its machines met it in 24 hours.
    """

    quota: Quota
    used: int | None
    refused: int = 0

    @property
    def limit(self) -> int:
        return self.quota.limit

    @property
    def share(self) -> float:
        """How much is used, 1.0 being all of it."""
        return (self.used or 0) / self.limit if self.limit else 0.0

    @property
    def percent(self) -> int:
        """How much is used, in percent, rounded down."""
        return int(self.share * 100)


class QuotaError(ValidationError):
    """A quota is used up; the message says which and how much it is."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        super().__init__(quota_message(quota), code="quota")


def quota_message(quota: Quota) -> str:
    """Say that `quota` is used up."""
    period = f" {quota.period}" if quota.period else ""
    return (
        f"{quota.owner} may have {quota.limit:,} {quota.noun}{period}, and there are as many. "
        f"The operator of this installation can raise the limit ({quota.setting})."
    )


QUOTAS: dict[str, Quota] = {}  # of organisations, in the order in which pages show them


def register(name: str, quota: Quota) -> None:
    """Add a quota of organisations, for an app's `ready`."""
    QUOTAS[name] = quota


# Limits that machines meet and that nothing is counted against for longer than a minute; by setting.
LIMITS: dict[str, Quota] = {}


def register_limit(limit: Quota) -> None:
    """Add a limit to what the page of an organisation's quotas shows, for an app's `ready`."""
    LIMITS[limit.setting] = limit


def limits_named(settings_: Sequence[str]) -> list[Quota]:
    """Return the quotas and limits of these settings."""
    known = {**{quota.setting: quota for quota in QUOTAS.values()}, **LIMITS}
    return [known[setting] for setting in settings_ if setting in known]


def claim(org: Org, name: str, wanted: int = 1) -> None:
    """Make sure that `wanted` more fit into a quota, in the caller's transaction, which then adds them.

    Raises QuotaError.
    """
    _claim(QUOTAS[name], org, wanted)


def claim_org(user: User) -> None:
    """Make sure that `user` may have one more organisation, in the caller's transaction. Raises QuotaError."""
    _claim(ORGS, user, 1)


def _claim(quota: Quota, owner: Org | User, wanted: int) -> None:
    if not quota.limit:
        return
    transaction_lock(f"quota:{quota.setting}:{owner.pk}")
    if sum(rows.count() for rows in quota.rows(owner)) + wanted > quota.limit:
        raise QuotaError(quota)


def usage(org: Org) -> list[QuotaUse]:
    """Return what `org` has used of each quota, and how often it met each limit; one statement, whatever there is."""
    (spent_sql, of_spent), (refused_sql, of_refused) = spent_now(org.pk), refused_in_a_day(org.pk)
    terms, parameters = [f"({spent_sql})", f"({refused_sql})"], [*of_spent, *of_refused]
    counted = [name for name, quota in QUOTAS.items() if not quota.period]
    for name in counted:
        sql, values = _counting(QUOTAS[name].rows(org))
        terms.append(sql)
        parameters += values
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(terms)}", parameters)
        spent, refused, *counts = cursor.fetchone()
    used, met = {**(spent or {}), **dict(zip(counted, counts, strict=True))}, refused or {}
    rows = [QuotaUse(quota, used.get(name, 0), met.get(quota.setting, 0)) for name, quota in QUOTAS.items()]
    return rows + [QuotaUse(limit, None, met.get(limit.setting, 0)) for limit in LIMITS.values()]


def _counting(querysets: Sequence[QuerySet[Any]]) -> tuple[str, list[Any]]:
    """Return an expression, and its parameters, that counts the rows of all `querysets`."""
    statements = [rows.order_by().values("pk").query.sql_with_params() for rows in querysets]
    sql = " + ".join(f"(SELECT count(*) FROM ({each}) counted)" for each, _ in statements)  # noqa: S608 - the ORM's
    return sql, [value for _, values in statements for value in values]


def _members(org: Org) -> Sequence[QuerySet[Any]]:
    return (Membership.objects.for_org(org), Invitation.objects.for_org(org).pending())


def _orgs(user: User) -> Sequence[QuerySet[Any]]:
    return (Membership.objects.filter(user=user, role=Role.ADMIN),)


ORGS = Quota("QUOTA_ORGS", "organisations as their admin", _orgs, owner="A person")
register("members", Quota("QUOTA_MEMBERS", "members and open invitations", _members))
