"""Paging through rows, newest first, by where the last page ended: never by numbers, never counting all."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from pulseops.core.web.numbers import whole_number

_UUID_LENGTH = 36
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows; `older` is what the next page is asked for with, empty when there is none."""

    rows: list[Row]
    older: str


def newest_first(rows: QuerySet[Row], before: str, *, length: int = 50, column: str = "created_at") -> Page[Row]:
    """Return `length` rows by the time in `column` and the key, those after `before`; an unreadable one is ignored."""
    if place := _read(before):
        at, pk = place
        with contextlib.suppress(ValueError, ValidationError):  # the key is of another kind
            rows = rows.filter(Q(**{f"{column}__lt": at}) | Q(**{column: at, "pk__lt": pk}))
    results = list(rows.order_by(f"-{column}", "-pk")[: length + 1])
    shown = results[:length]
    return Page(shown, cursor_of(shown[-1], column) if len(results) > length else "")


def cursor_of(row: Model, column: str = "created_at") -> str:
    """Return the place of `row` as a page is asked for what is older; it needs no escaping in an address."""
    at: datetime = getattr(row, column)
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z_{row.pk}"


def _read(text: str) -> tuple[datetime, str] | None:
    at, _, pk = text.rpartition("_")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    is_key = len(pk) == _UUID_LENGTH or whole_number(pk) is not None
    return (moment, pk) if moment.tzinfo and is_key else None
