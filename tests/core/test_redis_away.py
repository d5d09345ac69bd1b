"""Redis may be away: the table of the database is the cache meanwhile, and what was committed stays so."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from pulseops.core import redis_client
from pulseops.core.jobs.queue import enqueue_after_commit
from pulseops.core.redis_client import RedisOrTable, RedisOrTableCache
from pulseops.diagnostics.jobs import queue_depth
from tests.support.factories import PASSWORD
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RedisOrTable, "_away_until", 0.0)
    monkeypatch.setattr(redis_client, "ASK_AGAIN_SECONDS", 0.0)


@pytest.fixture
def socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="redis-", dir="/tmp") as directory:
        yield Path(directory, "redis.sock")


@pytest.fixture
def cache(socket: Path, settings: Settings) -> RedisOrTableCache:
    url = f"unix://{socket}"
    settings.REDIS_URL = url
    return RedisOrTableCache(url, {"KEY_PREFIX": "pulseops"})


def use(cache: RedisOrTableCache) -> None:
    """Call everything that Django's caches can do."""
    cache.clear()
    assert cache.add("tries", 1, 60)
    assert not cache.add("tries", 1, 60)
    assert cache.incr("tries", 2) == 3
    assert cache.decr("tries") == 2
    assert cache.get("tries") == 2
    assert cache.has_key("tries")
    assert cache.touch("tries", 30)
    cache.set_many({"a": [1], "b": {"c": 2}}, 60)
    assert cache.get_many(["a", "b", "d"]) == {"a": [1], "b": {"c": 2}}
    cache.delete_many(["a"])
    assert cache.delete("b")
    assert cache.get("a", "gone") == cache.get("b", "gone") == "gone"
    with pytest.raises(ValueError, match="not found"):
        cache.incr("never")


@pytest.mark.django_db
def test_the_table_does_all_that_redis_does(cache: RedisOrTableCache) -> None:
    use(cache)
    assert caches["table"].get("pulseops:1:tries") == 2


@pytest.mark.django_db
@pytest.mark.skipif(not shutil.which("redis-server"), reason="Debian's redis-server is not installed")
def test_redis_is_used_while_it_is_there(cache: RedisOrTableCache, socket: Path) -> None:
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(socket.parent)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(socket.exists)
        use(cache)
        assert caches["table"].get("pulseops:1:tries") is None
    finally:
        server.kill()
        server.wait()
    assert cache.get("tries") is None
    use(cache)


@pytest.mark.django_db
def test_people_sign_in_and_are_still_counted(
    cache: RedisOrTableCache, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches._connections, "default", cache, raising=False)  # type: ignore[attr-defined]
    wrong = {"login": admin.email, "password": "wrong"}
    assert Client().post(reverse("account_login"), wrong).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cache_entries WHERE cache_key LIKE '%pulseops:%'")
        assert cursor.fetchone()[0]
    assert Client().post(reverse("account_login"), {**wrong, "password": PASSWORD}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_what_was_committed_stays_so_without_a_queue(
    cache: RedisOrTableCache, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_q.conf.Conf.BROKER_CLASS", "pulseops.core.redis_client.RedisQueue")
    with transaction.atomic():
        User.objects.filter(pk=admin.pk).update(name="Ada")
        enqueue_after_commit("accounts.tasks.purge_deleted_orgs")
    assert User.objects.get(pk=admin.pk).name == "Ada"
    assert queue_depth() is None
