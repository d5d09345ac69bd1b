"""Rows that belong to an organisation: every lookup starts from `for_org` (design decision 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models

if TYPE_CHECKING:
    from accounts.models import Org

Row = TypeVar("Row", bound=models.Model)


class OrgQuerySet(models.QuerySet[Row]):
    """Rows whose organisation is reached by `org_path`, a lookup."""

    org_path: ClassVar[str] = "org"

    def for_org(self, org: Org) -> Self:
        """Return those of `org`."""
        return self.filter(**{self.org_path: org})
