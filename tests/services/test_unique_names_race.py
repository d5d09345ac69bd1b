"""Several people choose one name at one moment: one gets it, the others are told so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import Org, Role, User
from services import actions
from services.models import Environment, Service
from tests.support.factories import make_member, make_org, make_service

AT_ONCE = 4
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(act: Callable[[], object]) -> list[str]:
    """Run `act` in several threads that start together; return "made" or "taken" of each, sorted."""
    barrier = Barrier(AT_ONCE)

    def attempt(_: int) -> str:
        barrier.wait()
        try:
            act()
        except actions.NameTakenError:
            return "taken"
        finally:
            connection.close()
        return "made"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(pool.map(attempt, range(AT_ONCE)))


@pytest.fixture
def org() -> Org:
    return make_org()


@pytest.fixture
def developer(org: Org) -> User:
    return make_member(org, Role.DEVELOPER)


def test_services(org: Org, developer: User) -> None:
    outcome = at_once(lambda: actions.create_service(actor=developer, org=org, name="api"))
    assert outcome == ["made"] + ["taken"] * (AT_ONCE - 1)
    assert Service.objects.count() == 1
    assert Environment.objects.count() == 2


def test_environments(org: Org, developer: User) -> None:
    service = make_service(org)
    outcome = at_once(lambda: actions.add_environment(actor=developer, service=service, name="preview"))
    assert outcome == ["made"] + ["taken"] * (AT_ONCE - 1)
    assert service.environments.filter(name="preview").count() == 1
