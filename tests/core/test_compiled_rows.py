"""Querysets whose SQL is written once give what Django would have given."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import CharField, F, QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Org, Role
from pulseops.core.db.compiled_rows import AnyOf, CompiledRows, Parameter
from tests.support.factories import make_member, make_org

pytestmark = pytest.mark.django_db


def _members() -> QuerySet[Membership]:
    rows = Membership.objects.filter(org__name=Parameter("name", CharField()), role=Parameter("role", CharField()))
    return rows.select_related("org", "user").annotate(address=F("user__email")).order_by("pk")


def test_rows_are_those_of_the_queryset_with_what_is_joined_and_annotated() -> None:
    members = CompiledRows(_members)
    for name in ("Acme", "O'Neill %s"):
        users = [make_member(org, Role.VIEWER) for org in (make_org(name),) for _ in range(2)]
        with CaptureQueriesContext(connection) as captured:
            rows: list[Any] = members.fetch(name=name, role="viewer")
            assert [row.user for row in rows] == users
            assert [row.address for row in rows] == [user.email for user in users]
            assert {row.org.name for row in rows} == {name}
        assert len(captured) == 1
    assert not members.fetch(name="Acme", role="admin")


def test_sql_is_written_once() -> None:
    made: list[QuerySet[Org]] = []
    orgs = CompiledRows(lambda: made.append(rows := Org.objects.filter(name=Parameter("name", CharField()))) or rows)
    make_org("Acme")
    assert orgs.get(name="Acme").name == orgs.get(name="Acme").name == "Acme"
    assert len(made) == 1


def test_none_and_a_parameter_that_is_missing() -> None:
    orgs = CompiledRows(lambda: Org.objects.filter(name=Parameter("name", CharField())))
    with pytest.raises(Org.DoesNotExist):
        orgs.get(name="Nobody")
    with pytest.raises(KeyError):
        orgs.fetch()


def test_any_number_of_values_takes_one_parameter() -> None:
    orgs = CompiledRows(lambda: Org.objects.filter(AnyOf(F("name"), Parameter("names", CharField()))).order_by("name"))
    for name in ("A", "B, {C}", 'O"Neill'):
        make_org(name)
    for names in ([], ["A"], ["A", "B, {C}", 'O"Neill', "nobody"]):
        assert [org.name for org in orgs.fetch(names=names)] == names[:3]


def test_each_thread_asks_by_its_own_connection() -> None:
    orgs, seen = CompiledRows(lambda: Org.objects.filter(name=Parameter("name", CharField()))), []
    make_org("Not committed")
    assert orgs.fetch(name="Not committed")

    def look() -> None:
        seen.append(orgs.fetch(name="Not committed"))
        connection.close()

    thread = Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [[]]


def test_what_it_uses_of_django_beside_public_ways_is_there() -> None:
    assert callable(Query.get_compiler)
    assert callable(SQLCompiler.as_sql)
    assert callable(SQLCompiler.get_converters)
    assert Org.objects.all()._iterable_class is ModelIterable
