"""When a connection goes behind the wall, and comes back from it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Org, User
from pulseops.core.db.row_security import Scope, clean, outside_the_wall, within_wall

SignIn = Callable[[User], Client]
WHO = "SELECT current_user, current_setting('app.org_id', true), current_setting('app.user_id', true)"

pytestmark = pytest.mark.plain_database("asks as the role of the pages, which tests do not take there")


def who() -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute(WHO)
        found: tuple[str, str, str] = cursor.fetchone()
    return found


@pytest.mark.django_db
def test_a_page_goes_with_its_first_query_in_one_message(client_for: SignIn, org: Org, viewer: User) -> None:
    client = client_for(viewer)
    with CaptureQueriesContext(connection) as captured:
        client.get("/services")
    said = [query["sql"] for query in captured]
    walled = [sql for sql in said if sql.startswith(f"SET ROLE \"pulseops_web\"; SET app.org_id = '{org.pk}'; ")]
    assert walled
    assert not [sql for sql in said if sql in {"SET ROLE NONE", 'SET ROLE "pulseops_web"'}]
    assert who()[0] != "pulseops_web"


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_the_session_is_set_once() -> None:
    scope = Scope(uuid4(), uuid4())
    owner = who()[0]
    with within_wall(scope), CaptureQueriesContext(connection) as captured:
        assert who() == who() == ("pulseops_web", str(scope.org_id), str(scope.user_id))
        assert [query["sql"].startswith("SET ROLE") for query in captured] == [True, False]
        other = Scope(uuid4(), uuid4())
        with within_wall(other):
            assert who()[1] == str(other.org_id)
        assert who()[1] == str(scope.org_id)
        with outside_the_wall("a test"):
            assert who() == (owner, "", "")
            with connection.cursor() as cursor:
                cursor.execute("VACUUM orgs")  # in no transaction with anything else
    assert who() == (owner, "", "")


@pytest.mark.django_db(transaction=True)
def test_a_rollback_does_not_leave_the_wall() -> None:
    scope = Scope(uuid4(), uuid4())
    expected = ("pulseops_web", str(scope.org_id), str(scope.user_id))
    with within_wall(scope):
        for _ in range(2):
            with transaction.atomic():
                assert who() == expected
                with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SELECT nothing")
                assert who() == expected
                transaction.set_rollback(True)
            assert who() == expected
    with transaction.atomic():
        who()
        transaction.set_rollback(True)
    assert who()[1:] == ("", "")


@pytest.mark.django_db(transaction=True)
def test_a_failed_first_query_does_not_leave_the_wall() -> None:
    scope = Scope(uuid4(), uuid4())
    with within_wall(scope):
        with pytest.raises(ProgrammingError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing")
        assert who()[0] == "pulseops_web"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_connection_goes_back_to_its_pool_as_the_owners(in_transaction: bool) -> None:
    owner = who()[0]
    with within_wall(Scope(uuid4(), uuid4())):
        who()
        if in_transaction:
            connection.connection.autocommit = False
            connection.connection.execute("SELECT 1")
        clean(connection)
    raw = connection.connection
    assert raw.execute(WHO).fetchone() == (owner, "", "")
    raw.rollback()
    raw.autocommit = True
    connection.close()
