"""The embedded server's life: the first user starts it, the last one out stops it."""

from __future__ import annotations

import multiprocessing
import subprocess
from pathlib import Path

import psycopg
import pytest

from pulseops.core.postgres.embedded import binaries
from pulseops.core.postgres.embedded.roles import SUPERUSER
from pulseops.core.postgres.embedded.server import EmbeddedServer
from tests.core.embedded import Client, Places, postgres_processes, server_pid


def test_processes_that_start_it_first_at_once_share_one_server(places: Places) -> None:
    clients = [Client(places.empty()) for _ in range(5)]

    assert len({client.joined() for client in clients}) == 1
    assert not list(places.empty().glob("data.new*"))
    for client in clients:
        client.leave()
    assert server_pid(places.empty()) is None


def test_the_first_start_makes_our_database(places: Places) -> None:
    address = places.server(places.empty()).join()

    with psycopg.connect(**address, dbname="pulseops") as connection:
        row = connection.execute("SELECT lower('ÄÖÜ'), to_tsvector('simple', 'ÜBER')::text").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT lo_from_bytea(0, '')")
    assert row == ("äöü", "'über':1")


def test_a_database_whose_maker_was_killed_is_made_at_the_next_start(places: Places) -> None:
    server = places.server(places.ready())
    with psycopg.connect(**server.join(), dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE pulseops")
    server.leave()

    psycopg.connect(**server.join(), dbname="pulseops").close()


def test_the_last_user_out_stops_it_cleanly(places: Places) -> None:
    directory = places.ready()
    first, second = Client(directory), Client(directory)
    pid = first.joined()
    assert second.joined() == pid

    first.leave()
    assert server_pid(directory) == pid
    second.leave()

    assert server_pid(directory) is None
    assert not (directory / "data" / "postmaster.pid").exists()
    assert _cluster_state(directory) == "shut down"


def test_a_killed_user_counts_no_more(places: Places) -> None:
    directory = places.ready()
    killed, kept = Client(directory), Client(directory)
    pid = killed.joined()
    kept.joined()

    killed.kill()
    assert server_pid(directory) == pid
    kept.leave()

    assert server_pid(directory) is None


def test_when_all_users_are_killed_the_next_one_finds_it_and_stops_it(places: Places) -> None:
    directory = places.ready()
    clients = [Client(directory) for _ in range(2)]
    pids = {client.joined() for client in clients}
    for client in clients:
        client.kill()

    late = Client(directory)
    assert {late.joined()} == pids
    late.leave()

    assert server_pid(directory) is None


def test_a_process_that_never_joined_can_stop_what_killed_users_left(places: Places) -> None:
    directory = places.ready()
    client = Client(directory)
    client.joined()
    operator = EmbeddedServer(directory)

    assert operator.leave() is False
    client.kill()

    assert operator.leave() is True
    assert postgres_processes(places.base) == []


def _join_and_leave(server: EmbeddedServer) -> None:
    server.join()


def _only_exit(_server: EmbeddedServer) -> None:
    pass


@pytest.mark.parametrize("child", [_join_and_leave, _only_exit])
def test_a_forked_child_that_ends_leaves_its_parent_a_user(places: Places, child: object) -> None:
    directory = places.ready()
    server = places.server(directory)
    server.join()
    pid = server_pid(directory)

    forked = multiprocessing.get_context("fork").Process(target=child, args=(server,))
    forked.start()
    forked.join(30)

    assert forked.exitcode == 0
    assert server_pid(directory) == pid
    with psycopg.connect(**server.join(), dbname="pulseops") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_child_of_multiprocessing_that_is_the_last_user_stops_it(places: Places) -> None:
    server = EmbeddedServer(places.ready(), settings={"fsync": "off"})
    forked = multiprocessing.get_context("fork").Process(target=_join_and_leave, args=(server,))

    forked.start()
    forked.join(30)

    assert forked.exitcode == 0
    assert _cluster_state(server.directory) == "shut down"


def test_it_syncs_to_the_disk_unless_set_otherwise(places: Places) -> None:
    with psycopg.connect(**places.server(places.ready("safe"), settings=None).join(), dbname="pulseops") as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW jit").fetchone() == ("off",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_settings_of_an_operator_survive_restarts(places: Places) -> None:
    server = places.server(places.ready())
    superuser = {**server.join(), "user": SUPERUSER}
    with psycopg.connect(**superuser, dbname="postgres", autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET work_mem = '7MB'")
    server.leave()

    with psycopg.connect(**server.join(), dbname="postgres") as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)


def test_its_log_is_kept_small(places: Places) -> None:
    server = places.server(places.ready())
    server.join()
    log = next((server.directory / "data" / "log").glob("server-*.log"))
    with log.open("a") as file:
        file.truncate(17 * 1024 * 1024)

    server.ensure_running()

    assert log.stat().st_size < 1024


def _cluster_state(directory: Path) -> str:
    program = binaries.installed_programs() / "pg_controldata"
    told = subprocess.run([program, directory / "data"], check=True, capture_output=True, text=True).stdout
    return next(line.split(":")[1].strip() for line in told.splitlines() if line.startswith("Database cluster state"))
