"""Adopted databases, one for each variant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from tests.adoption.shapes import VARIANTS, Row, build_running, contents
from tests.support.databases import migrate, scratch_database


@dataclass(frozen=True)
class Adopted:
    """A migrated database, and what its tables held before."""

    database: BaseDatabaseWrapper
    before: dict[str, list[Row]]


@pytest.fixture(scope="module", params=VARIANTS)
def adopted(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Adopted]:
    with django_db_blocker.unblock(), scratch_database() as database:
        build_running(database, request.param)
        before = contents(database)
        migrate(database)
        yield Adopted(database, before)
