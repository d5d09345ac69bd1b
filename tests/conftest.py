"""Fixtures that every test may ask for: one organisation with each role in it, and someone from outside.

And what is made once for all: the database, and a whole installation.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from accounts.models import Org, Role, User
from pulseops.core.db import answer_timeout
from tests.support import citus
from tests.support.databases import ROOT, Catalog, catalog, migrate, migrated_template, scratch_database
from tests.support.factories import make_member, make_org, make_service, make_user
from tests.support.flush import keep_seeds
from tests.support.installation import Installation
from tests.support.sign_in import signed_in
from tests.support.static import collected

# Of its examples a property is tried on this share in the suite, on ten times as many as it names in `make fuzz`.
SHARE_OF_EXAMPLES = float(os.environ.get("SHARE_OF_EXAMPLES", "0.4"))
_FEWEST_EXAMPLES = 10

# How long examples take to make says how busy the machine is, and no more.
hypothesis_settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow], deadline=None)
hypothesis_settings.load_profile("suite")

# What is compiled is kept for the next who imports it: else each of some hundred processes that tests start, and each
# of pytest's own, would compile the whole product anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["tests.support.browser"]
_A_TEST_SECONDS = 4.0  # that one takes on a busy machine


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[Any]:
    """Collect without the garbage collector, which looks at all that stays again and again."""
    gc.disable()
    try:
        _import_from_elsewhere(session)
        return (yield)
    finally:
        gc.enable()


def _import_from_elsewhere(session: pytest.Session) -> None:
    """Let each process of pytest-xdist begin to import elsewhere: then each test module is compiled by one of them.

    They have to collect in the same order, and on a fresh clone would all compile the same at the same time.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None or not all(Path(each).is_dir() for each in session.config.args):
        return
    modules = sorted(ROOT.glob("tests/**/test_*.py"))
    begin = len(modules) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for path in chain(modules[begin:], modules[:begin]):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Keep together who share a fixture, and begin with what takes long, so that no process is left with it alone.

    With `--dist loadgroup` every process would else make each module's fixture anew.
    """
    for item in items:
        if getattr(test := getattr(item, "function", None), "is_hypothesis_test", False):
            _share_examples(test)
        fixtures = getattr(item, "_fixtureinfo", None)
        if fixtures is None or item.get_closest_marker("xdist_group"):
            continue
        named = {each for defined in fixtures.name2fixturedefs.values() for each in defined}
        if any(each.scope == "module" for each in named):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
    if citus.is_cluster():
        citus.skip_what_is_plain(items)
    yield
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if getattr(config.option, "loadgroup", False):
        for item in items:
            _name_group(item)


def _share_examples(test: Any) -> None:
    """Let `test` be tried on a share of the examples that it asks for (not by a public way: test_examples.py)."""
    test = getattr(test, "__func__", test)
    asked = test._hypothesis_internal_use_settings or hypothesis_settings.default
    if not hasattr(test, "examples_asked_for"):  # parametrized ones come here several times
        test.examples_asked_for = number = asked.max_examples
        fewest = min(number, _FEWEST_EXAMPLES)
        most = max(fewest, round(number * SHARE_OF_EXAMPLES))
        spared = {*asked.suppress_health_check, HealthCheck.too_slow}  # as in the profile, which a test's own overrule
        test._hypothesis_internal_use_settings = hypothesis_settings(
            asked, max_examples=most, suppress_health_check=spared
        )


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays, thousands of tests and all that they import, and come seldom.

    By Python's own thresholds it took a twentieth of the suite's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _name_group(item: pytest.Item) -> None:
    """Put the group into the test's id, where pytest-xdist looks for it.

    It does so itself, but by an attribute that pytest 9.2 no longer has, and then all groups fall apart.
    """
    mark = item.get_closest_marker("xdist_group")
    if mark and not item.nodeid.endswith(f"@{mark.args[0]}"):
        item._id = type(item.id).parse(f"{item.nodeid}@{mark.args[0]}")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let the tests' database be a copy of one that is migrated, which takes a tenth of the time."""
    with django_db_blocker.unblock():
        if citus.is_cluster():  # a copy would not know the workers
            citus.use_cluster()
        else:
            connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Catalog]:
    """Make the tests' database; gives the catalog that migrations gave it, before a test can have changed it."""
    with django_db_blocker.unblock():
        migrated = catalog(connection)
        if any(migrated.values()):  # no test may have asked for a database
            keep_seeds()
    yield migrated
    with django_db_blocker.unblock():
        connection.close()  # a test may have ended it from the server's side
        _end_other_sessions()


def _end_other_sessions() -> None:
    """End what processes left behind that were killed, or else the tests' database stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@pytest.fixture(autouse=True)
def _in_the_foreground() -> Iterator[None]:
    """A job of django-q's that a test runs here makes this process one that works in the background."""
    yield
    answer_timeout._in_background.clear()


@pytest.fixture
def one_minute() -> None:
    """Wait for the next minute where this one is nearly over: much is counted by the minute of the clock."""
    left = 60 - time.time() % 60
    if left < _A_TEST_SECONDS:
        time.sleep(left)


@pytest.fixture(scope="session")
def fresh_catalog(django_db_setup: Catalog, django_db_blocker: DjangoDbBlocker) -> Catalog:
    """The catalog of a database that was empty when it was migrated."""
    if any(django_db_setup.values()):
        return django_db_setup
    with django_db_blocker.unblock(), scratch_database() as database:  # none of the tests that run asks for one
        migrate(database)
        return catalog(database)


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """A whole installation; those who ask for it run in one process, by `xdist_group("installation")`."""
    installation = Installation(WEB_REQUEST_SECONDS="2", STATIC_ROOT=collected())
    yield installation
    installation.close()


@pytest.fixture
def org(db: None) -> Org:
    return make_org("Acme")


@pytest.fixture
def admin(org: Org) -> User:
    return make_member(org, Role.ADMIN)


@pytest.fixture
def developer(org: Org) -> User:
    return make_member(org, Role.DEVELOPER)


@pytest.fixture
def viewer(org: Org) -> User:
    return make_member(org, Role.VIEWER)


@pytest.fixture
def outsider(db: None) -> User:
    """An admin of another organisation."""
    user = make_user("outsider@example.com")
    make_service(make_org("Other", admin=user), "other")
    return user


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    """Give a client that is signed in as a user."""

    return signed_in
