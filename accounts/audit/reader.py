"""Reading the audit log: filters, pages by key, export."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from accounts.models import AuditLog, Org, User
from pulseops.core.ui.csv_cells import guarded

PAGE_SIZE = 50
_EXPORTED_AT_ONCE = 1_000  # rows
SYSTEM = "system"
COLUMNS = (
    "id",
    "time",
    "actor",
    "actor_user_id",
    "action",
    "resource_type",
    "resource_id",
    "address",
    "correlation_id",
    "meta",
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; empty means any. `actor` is a user's id or SYSTEM; `until` itself is not included."""

    actor: str = ""
    action: str = ""
    resource_type: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of rows, newest first; `newer` and `older` are the keys of the pages beside it, None at either end."""

    rows: list[AuditLog]
    newer: str | None
    older: str | None


def rows(org: Org, filters: Filters) -> QuerySet[AuditLog]:
    """Return the rows of `org` that pass, newest first."""
    results = AuditLog.objects.for_org(org).select_related("actor_user").order_by("-created_at", "-id")
    if filters.actor:
        results = results.filter(actor_user=None if filters.actor == SYSTEM else UUID(filters.actor))
    if filters.action:
        results = results.filter(action=filters.action)
    if filters.resource_type:
        results = results.filter(resource_type=filters.resource_type)
    if filters.since:
        results = results.filter(created_at__gte=filters.since)
    if filters.until:
        results = results.filter(created_at__lt=filters.until)
    return results


def page(found: QuerySet[AuditLog], *, before: str = "", after: str = "") -> Page:
    """Cut a page: the newest rows, those just older than the key `before`, or those just newer than the key `after`."""
    if key := _parse(after):
        upward = found.filter(_beside(key, "gt")).order_by("created_at", "id")
        cut = list(upward[: PAGE_SIZE + 1])
        shown = cut[:PAGE_SIZE][::-1]
        return Page(shown, _key(shown[0]) if len(cut) > PAGE_SIZE else None, _key(shown[-1]) if shown else None)
    key = _parse(before)
    cut = list((found.filter(_beside(key, "lt")) if key else found)[: PAGE_SIZE + 1])
    shown = cut[:PAGE_SIZE]
    newer = _key(shown[0]) if key and shown else None
    return Page(shown, newer, _key(shown[-1]) if len(cut) > PAGE_SIZE else None)


def _key(row: AuditLog) -> str:
    return f"{row.created_at.isoformat()}_{row.pk}"


def _parse(key: str) -> tuple[datetime, int] | None:
    moment, _, number = key.partition("_")
    try:
        at = parse_datetime(moment.replace(" ", "+"))
        is_sound = at and at.tzinfo and 2000 <= at.year < 3000 and 0 < int(number) < 2**63
        return (at, int(number)) if at and is_sound else None
    except ValueError:
        return None


def _beside(key: tuple[datetime, int], side: str) -> Q:
    at, number = key
    beyond = Q(**{f"created_at__{side}": at}) | Q(**{"created_at": at, f"id__{side}": number})
    return Q(**{f"created_at__{side}e": at}) & beyond  # the first part is what the index is entered by


def actors(org: Org) -> list[User]:
    """Return everybody who stands in the log of `org`, by address."""
    ids = AuditLog.objects.for_org(org).exclude(actor_user=None).order_by().values("actor_user").distinct()
    return list(User.objects.filter(pk__in=ids).order_by("email"))


def actions(org: Org) -> list[str]:
    """Return the actions that stand in the log of `org`."""
    return _distinct(org, "action")


def resource_types(org: Org) -> list[str]:
    """Return the types of resource that stand in the log of `org`."""
    return _distinct(org, "resource_type")


def _distinct(org: Org, field: str) -> list[str]:
    return list(AuditLog.objects.for_org(org).order_by(field).values_list(field, flat=True).distinct())


def as_csv(found: QuerySet[AuditLog]) -> Iterator[bytes]:
    """Give the rows as CSV with a head, a page of them at a time."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS).encode()
    for records in _pages(found):
        lines = [writer.writerow([guarded(_flat(each[column])) for column in COLUMNS]) for each in records]
        yield "".join(lines).encode()


def as_ndjson(found: QuerySet[AuditLog]) -> Iterator[bytes]:
    """Give the rows as JSON objects, one a line, a page of them at a time."""
    for records in _pages(found):
        yield "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records).encode()


def _pages(found: QuerySet[AuditLog]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows page by page, each by its key: no cursor stays open while a client reads."""
    rows = list(found[:_EXPORTED_AT_ONCE])
    while rows:
        yield [_record(row) for row in rows]
        key = (rows[-1].created_at, rows[-1].pk)
        rows = list(found.filter(_beside(key, "lt"))[:_EXPORTED_AT_ONCE])


def _flat(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return value


def _record(row: AuditLog) -> dict[str, Any]:
    return {
        "id": row.pk,
        "time": row.created_at.isoformat(),
        "actor": row.actor_user.email if row.actor_user else SYSTEM,
        "actor_user_id": str(row.actor_user_id) if row.actor_user_id else None,
        "action": row.action,
        "resource_type": row.resource_type,
        "resource_id": row.resource_id,
        "address": row.address,
        "correlation_id": row.correlation_id,
        "meta": row.meta_json,
    }


class _Echo:
    def write(self, line: str) -> str:
        return line


def count_since(org: Org, action: str, since: datetime) -> int:
    """Return how often `action` stands in the organisation's log from `since` on."""
    return AuditLog.objects.for_org(org).filter(action=action, created_at__gt=since).count()
