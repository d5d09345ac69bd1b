"""A DATABASE_URL with several servers: the one that takes writes is found, and the next one when it has gone."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.db.utils import load_backend

from pulseops.core.config.environment import Environment
from tests.support.servers import EMBEDDED, server
from tests.support.waiting import wait_until


@pytest.mark.slow
@pytest.mark.django_db
def test_the_next_server_is_found_when_one_has_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ExitStack() as standby, ExitStack() as primary:
        first = standby.enter_context(server(EMBEDDED, {}))
        second = primary.enter_context(server(EMBEDDED, {}))
        take_writes(first, "off")
        made = connection_to(monkeypatch, tmp_path, f"{first},{second}")
        assert written_to(made) == second
        primary.close()
        with pytest.raises(OperationalError):
            written_to(made)  # neither is there and takes writes
        take_writes(first, "on")
        made.close_if_unusable_or_obsolete()  # as each request begins
        assert written_to(made) == first
        made.close()


def take_writes(host: str, switch: str) -> None:
    """Let a server take writes, or not, as a standby."""
    is_read_only = {"on": "off", "off": "on"}[switch]
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as raw:
        raw.execute(f"ALTER SYSTEM SET default_transaction_read_only = {is_read_only}")
        raw.execute("SELECT pg_reload_conf()")
        wait_until(lambda: raw.execute("SHOW default_transaction_read_only").fetchone() == (is_read_only,))


def connection_to(monkeypatch: pytest.MonkeyPatch, directory: Path, hosts: str) -> Any:
    """Return a connection as DATABASE_URL makes it."""
    url = f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"
    monkeypatch.setenv("DATABASE_URL", url)
    environment = Environment(directory / ".env")
    settings = environment.database("DATABASE_URL")
    assert not environment.wrong
    usual: dict[str, Any] = {"TIME_ZONE": None, "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True, "AUTOCOMMIT": True}
    return load_backend(settings["ENGINE"]).DatabaseWrapper({**usual, "ATOMIC_REQUESTS": False, **settings}, "several")


def written_to(made: Any) -> str:
    """Write something; return the directory of the socket of the server that took it."""
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS written (at timestamptz)")
        return str(made.connection.info.host)
