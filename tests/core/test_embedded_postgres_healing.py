"""Whatever is killed, whatever a killed server leaves behind: the next use heals it, and nothing committed is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from pulseops.core.postgres.embedded import process
from pulseops.core.postgres.embedded import server as server_module
from pulseops.core.postgres.embedded.errors import StartFailedError, WrongMajorVersionError
from pulseops.core.postgres.embedded.home import ServerUser, open_home
from pulseops.core.postgres.embedded.server import EmbeddedServer
from tests.core.embedded import Client, Places, kill_server, postgres_processes, server_pid
from tests.support.waiting import wait_until

TRIES = ("first", "second", "third", "fourth", "fifth")  # to interrupt what may be over before


def test_a_killed_server_is_started_again(places: Places) -> None:
    server = places.server(places.ready())
    server.join()
    killed = kill_server(server.directory)

    psycopg.connect(**server.ensure_running(), dbname="pulseops").close()

    assert server_pid(server.directory) != killed


def test_several_processes_that_find_it_dead_start_one(places: Places) -> None:
    directory = places.ready()
    before = Client(directory)
    before.joined()
    kill_server(directory)

    clients = [Client(directory) for _ in range(4)]

    assert len({client.joined() for client in clients}) == 1
    for client in [before, *clients]:
        client.leave()
    assert postgres_processes(places.base) == []


def test_a_query_that_outlives_the_killed_server_is_ended(places: Places) -> None:
    server = places.server(places.ready())
    busy = psycopg.connect(**server.join(), dbname="pulseops", autocommit=True)
    orphan = busy.info.backend_pid
    spin = "DO $$ DECLARE n bigint := 0; BEGIN LOOP n := n + 1; END LOOP; END $$"  # never looks up by itself
    query = threading.Thread(target=_run_until_it_fails, args=(busy, spin))
    query.start()
    with psycopg.connect(**server.join(), dbname="pulseops", autocommit=True) as beside:
        seen = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND query LIKE 'DO%%'"
        wait_until(lambda: beside.execute(seen, [orphan]).fetchone())
    kill_server(server.directory)
    assert process.is_live(orphan)

    server.ensure_running()

    query.join(60)
    assert not process.is_live(orphan)


def test_nothing_committed_is_lost_when_it_is_killed_under_load(places: Places) -> None:
    server = places.server(places.ready())
    with psycopg.connect(**server.join(), dbname="pulseops") as connection:
        connection.execute("CREATE TABLE ledger (id int PRIMARY KEY)")
    acknowledged: list[int] = []
    is_over = threading.Event()
    writers = [threading.Thread(target=_write, args=(server, n, acknowledged, is_over)) for n in range(4)]
    for writer in writers:
        writer.start()

    try:
        for _ in range(3):
            _wait_for_more(acknowledged)
            kill_server(server.directory)
        _wait_for_more(acknowledged)
    finally:
        is_over.set()
        for writer in writers:
            writer.join()

    with psycopg.connect(**server.ensure_running(), dbname="pulseops") as connection:
        stored = {row[0] for row in connection.execute("SELECT id FROM ledger")}
    assert set(acknowledged) <= stored
    assert len(stored) <= len(acknowledged) + 4 * 3  # at most one answer lost per writer and kill


@pytest.mark.parametrize("whose", ["nobody", "another", "zombie"])
def test_stale_pid_and_socket_lock_files_are_removed(places: Places, whose: str) -> None:
    directory = places.ready()
    server = places.server(directory)
    server.join()
    pid_file = directory / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    killed = kill_server(directory)
    wait_until(lambda: not postgres_processes(directory))
    other = _spawn(open_home(directory).user, "true" if whose == "zombie" else "sleep")
    pid = killed if whose == "nobody" else other.pid
    pid_file.write_text("\n".join([str(pid), *lines[1:]]) + "\n")
    (directory / "run" / ".s.PGSQL.5432.lock").write_text(f"{pid}\n")
    if whose == "zombie":
        wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)

    psycopg.connect(**server.ensure_running(), dbname="pulseops").close()

    assert server_pid(directory) not in {None, killed, other.pid}
    if whose != "zombie":
        assert other.poll() is None, "an unrelated process was harmed"
    other.kill()
    other.wait()


def test_a_torn_pid_file_does_not_keep_it_down(places: Places) -> None:
    server = places.server(places.ready())
    (server.directory / "data" / "postmaster.pid").write_text("12")

    psycopg.connect(**server.join(), dbname="pulseops").close()


def test_a_server_that_lost_its_socket_is_restarted(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_SOCKET_SECONDS", 0)
    server = places.server(places.ready())
    shutil.rmtree(Path(server.join()["host"]))

    psycopg.connect(**server.ensure_running(), dbname="pulseops").close()


def test_a_killed_first_start_leaves_nothing_half_made(places: Places) -> None:
    directory = next(each for each in map(places.empty, TRIES) if _is_killed_in_initdb(each))

    psycopg.connect(**places.server(directory).join(), dbname="pulseops").close()

    assert not list(directory.glob("data.new*"))


def test_a_killed_initdb_is_an_error_and_leaves_nothing(places: Places) -> None:
    for server in (places.server(places.empty(each)) for each in TRIES):
        failures: list[BaseException] = []
        thread = threading.Thread(target=_collect_failure, args=(server, failures))
        thread.start()
        _wait_for_initdb(server.directory)
        for child in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                if child.name() == "initdb":
                    child.kill()
        thread.join()
        if failures:
            break

    assert isinstance(failures[0], StartFailedError)
    assert not list(server.directory.glob("data*"))
    server.join()


def test_data_of_another_major_version_is_refused_with_the_way_out(places: Places) -> None:
    server = places.server(places.ready())
    (server.directory / "data" / "PG_VERSION").write_text("17\n")

    with pytest.raises(WrongMajorVersionError) as caught:
        server.join()

    for words in ("PostgreSQL 17", "DATABASE_URL", "pg_upgrade", "pg_dump"):
        assert words in str(caught.value)


def test_a_start_that_fails_says_what_the_server_said(places: Places) -> None:
    server = places.server(places.ready(), settings={"shared_buffers": "nonsense"})

    with pytest.raises(StartFailedError, match=r'invalid value for parameter "shared_buffers"'):
        server.join()


def _is_killed_in_initdb(directory: Path) -> bool:
    """Kill a first start with all its processes; returns whether that was before there was a database."""
    client = Client(directory)
    _wait_for_initdb(directory)
    family = [psutil.Process(client.process.pid), *psutil.Process(client.process.pid).children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    client.process.communicate()
    return not (directory / "data").exists()


def _wait_for_initdb(directory: Path) -> None:
    """Wait until it works in `directory`, or has; a test that is kept waiting itself may see it too late."""
    wait_until(lambda: list(directory.glob("data.new-*/base")) or (directory / "data").exists())


def _run_until_it_fails(connection: psycopg.Connection, statement: str) -> None:
    try:
        connection.execute(statement.encode())
    except psycopg.OperationalError:
        connection.close()


def _wait_for_more(acknowledged: list[int]) -> None:
    count = len(acknowledged)
    wait_until(lambda: len(acknowledged) > count + 50)


def _write(server: EmbeddedServer, number: int, acknowledged: list[int], is_over: threading.Event) -> None:
    """Insert rows one by one, over a connection that is replaced when it fails; note those that are acknowledged."""
    row = number
    connection = None
    while not is_over.is_set():
        row += 4
        try:
            connection = connection or psycopg.connect(**server.join(), dbname="pulseops", autocommit=True)
            connection.execute("INSERT INTO ledger VALUES (%s)", [row])
            acknowledged.append(row)
        except psycopg.OperationalError:
            if connection:
                connection.close()
            connection = None
            server.ensure_running()
    if connection:
        connection.close()


def _collect_failure(server: EmbeddedServer, failures: list[BaseException]) -> None:
    try:
        server.join()
    except BaseException as error:
        failures.append(error)


def _spawn(user: ServerUser, program: str) -> subprocess.Popen[bytes]:
    """Start an unrelated process of the server's user, whose pid a stale file may name."""
    switch = {"user": user.uid, "group": user.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.Popen([program, "60"] if program == "sleep" else [program], cwd="/", **switch)  # type: ignore[call-overload]
