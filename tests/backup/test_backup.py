"""The file of a backup, what is refused before anything is changed, and the schedule."""

from __future__ import annotations

import io
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Org
from logs.storage.turn import PARTITIONS_TURN
from pulseops.backup import create, programs, restore, schedule
from pulseops.backup.archive import ArchiveError, ArchiveReader, Manifest, write_archive
from pulseops.backup.programs import Programs, ProgramsError
from pulseops.backup.restore import RestoreError, read_through
from pulseops.core.db.advisory_locks import lock_number
from pulseops.core.models import CronRun
from pulseops.core.web.health import beat
from pulseops.doctor import processes
from pulseops.doctor.findings import Level

MANIFEST = Manifest("0.1.0", 15, 15, 1000, "2026-11-30T04:00:00+00:00", {"orgs": 1})
SECRETS = {"SECRET_KEY": "a", "API_KEY_SALT": "b", "INTERNAL_CRON_SECRET": "c"}
PIECES = [b"first " * 1000, b"second"]


def written(manifest: Manifest = MANIFEST, pieces: list[bytes] = PIECES) -> bytes:
    target = io.BytesIO()
    assert list(write_archive(target, manifest, SECRETS, pieces)) == [len(pieces[0]), sum(map(len, pieces))]
    return target.getvalue()


def saved(path: Path, manifest: Manifest = MANIFEST) -> Path:
    path.write_bytes(written(manifest))
    return path


class TestFile:
    def test_what_was_written_is_read(self) -> None:
        reader = ArchiveReader(io.BytesIO(written()))
        assert (reader.manifest, reader.secrets) == (MANIFEST, SECRETS)
        assert b"".join(reader.pieces()) == b"".join(PIECES)

    def test_tar_takes_the_dump_out(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "a")
        command = ["tar", "--extract", "--to-stdout", "--wildcards", f"--file={path}", "dump/*"]
        assert subprocess.run(command, check=True, capture_output=True).stdout == b"".join(PIECES)

    @pytest.mark.parametrize("share", [0, 0.05, 0.3, 0.7, 0.9])
    def test_a_file_that_was_cut_is_refused(self, tmp_path: Path, share: float) -> None:
        whole = written()
        end = whole.rstrip(b"\0")  # a tar ends in zeros
        path = tmp_path / "cut"
        path.write_bytes(whole[: int(len(end) * share)])
        with pytest.raises(ArchiveError):
            read_through(path)

    @pytest.mark.parametrize("text", [b"first first", b"second", b'"orgs": 1', b'"API_KEY_SALT": "b"'])
    def test_a_changed_byte_is_seen(self, tmp_path: Path, text: bytes) -> None:
        path = tmp_path / "changed"
        changed = text[:-2] + (b"9" if text[-2:-1] != b"9" else b"8") + text[-1:]
        path.write_bytes(written().replace(text, changed, 1))
        with pytest.raises(ArchiveError):
            read_through(path)

    def test_another_file_is_no_backup(self, tmp_path: Path) -> None:
        path = tmp_path / "other"
        path.write_bytes(b"PGDMP" + bytes(4000))
        with pytest.raises(ArchiveError, match="not a backup"):
            read_through(path)

    def test_a_newer_kind_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ArchiveError, match="newer"):
            read_through(saved(tmp_path / "a", Manifest(**{**_values(), "format": 99})))

    def test_it_is_throttled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        monkeypatch.setattr("pulseops.backup.create.time.sleep", slept.append)
        monkeypatch.setattr("pulseops.backup.create.time.monotonic", lambda: 0.0)
        assert len(list(create._throttled(iter([b"x" * 100] * 3), 50))) == 3
        assert slept == [2.0, 4.0, 6.0]


def _values() -> dict[str, Any]:
    return {name: getattr(MANIFEST, name) for name in MANIFEST.__slots__}


class TestPrograms:
    def found(self, monkeypatch: pytest.MonkeyPatch, *majors: int) -> None:
        monkeypatch.setattr(programs, "_installed", lambda: [Programs(Path(f"/{each}"), each) for each in majors])

    def test_just_the_servers_version_else_a_newer_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found(monkeypatch, 18, 14, 15, 16)
        assert [programs.programs_for(each).major for each in (15, 16, 17, 18)] == [15, 16, 18, 18]

    def test_older_ones_are_refused_with_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found(monkeypatch, 15)
        with pytest.raises(ProgramsError, match="postgresql-client-17"):
            programs.programs_for(17)

    def test_those_of_the_package_are_found(self) -> None:
        assert 18 in {each.major for each in programs._installed()}


@pytest.mark.django_db
class TestRefusals:
    """Nothing is changed when something is wrong: the organisation is there afterwards."""

    @pytest.fixture(autouse=True)
    def _fits(self, org: Org, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        monkeypatch.setattr(restore, "_EMPTY", "SELECT 1 / 0")  # reached only when nothing is wrong
        settings.DATABASE_URL = ""
        for name in SECRETS:
            monkeypatch.delenv(name, raising=False)

    def refusal(self, path: Path, *, replaces: bool = True) -> str:
        with pytest.raises(RestoreError) as refused:
            restore.restore(path, replaces=replaces)
        assert Org.objects.exists()
        return str(refused.value)

    def test_of_a_newer_pulseops(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "a", Manifest(**{**_values(), "pulseops": "99.0"}))
        assert "Install that version" in self.refusal(path)

    def test_of_a_newer_server(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "a", Manifest(**{**_values(), "server": 99}))
        assert "restore it into 99 or newer" in self.refusal(path)

    def test_of_newer_programs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(restore, "server_major", lambda: 15)
        monkeypatch.setattr(programs, "_installed", lambda: [Programs(Path("/18"), 18)])
        assert "postgresql-client-15" in self.refusal(saved(tmp_path / "a", Manifest(**{**_values(), "tools": 18})))

    def test_with_other_secrets_in_the_environment(self, tmp_path: Path, settings: Settings) -> None:
        settings.DATABASE_URL = "postgresql://db.example.com/pulseops"
        refusal = self.refusal(saved(tmp_path / "a"))
        assert "SECRET_KEY and API_KEY_SALT" in refusal
        assert "--secrets" in refusal

    def test_while_pulseops_runs(self, tmp_path: Path) -> None:
        beat("worker")
        assert "Stop all its processes" in self.refusal(saved(tmp_path / "a"))

    def test_where_data_would_be_lost(self, tmp_path: Path) -> None:
        assert "--replace" in self.refusal(saved(tmp_path / "a"), replaces=False)

    def test_in_the_place_of_a_database_on_citus(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(restore, "_HAS_CITUS", "SELECT true")
        assert "run manage.py distribute" in self.refusal(saved(tmp_path / "a"))

    def test_the_secrets_are_printed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("restore", str(saved(tmp_path / "a")), "--secrets")
        assert capsys.readouterr().out.splitlines() == ["SECRET_KEY=a", "API_KEY_SALT=b", "INTERNAL_CRON_SECRET=c"]


@pytest.mark.django_db
class TestOnCitus:
    @pytest.fixture(autouse=True)
    def _cluster(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(create, "is_distributed", lambda: True)

    def test_all_extensions_but_its_own_are_dumped(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION pg_trgm")
        options = create._only_ours(connection.connection)
        assert {"--extension=plpgsql", "--extension=pg_trgm"} <= set(options)
        assert not [each for each in options if "citus" in each]

    def test_no_job_moves_logs_meanwhile(self) -> None:
        turn, beside = f"turn:{PARTITIONS_TURN}", connection.copy()
        try:
            with beside.cursor() as cursor, create._logs_held_still():
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock_number(turn)])
                assert cursor.fetchone() == (False,)
        finally:
            beside.close()

    @pytest.mark.parametrize(("logs", "is_good"), [(9, False), (10, True), (12, True)])
    def test_logs_that_came_meanwhile_may_be_in_it(self, logs: int, is_good: bool) -> None:
        values = {**_values(), "rows": {"orgs": 1, "logs": 10}}
        assert restore._differences(Manifest(**values), {"orgs": 1, "logs": 12})
        manifest = Manifest(**{**values, "may_have_more_logs": True})
        assert (restore._differences(manifest, {"orgs": 1, "logs": logs}) == []) is is_good


@pytest.mark.django_db
class TestSchedule:
    @pytest.fixture(autouse=True)
    def directory(self, settings: Settings, tmp_path: Path) -> Path:
        settings.BACKUP_DIR, settings.BACKUP_KEEP = str(tmp_path / "backups"), 2
        return tmp_path / "backups"

    def record(self, hours: float, status: str = "success") -> None:
        result = {"result": {"path": "/b/1", "bytes": 5}}
        run = CronRun.objects.create(job_name="back_up", status=status, meta_json=result)
        CronRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=hours))

    @pytest.mark.parametrize(
        ("runs", "is_due"),
        [([], True), ([(1, "success")], False), ([(25, "success")], True), ([(25, "success"), (1, "failure")], True)],
    )
    def test_when_one_is_due(self, runs: list[tuple[float, str]], is_due: bool) -> None:
        for hours, status in runs:
            self.record(hours, status)
        assert schedule.is_due() is is_due

    def test_the_job_starts_it_beside_the_worker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[Any] = []
        monkeypatch.setattr("pulseops.backup.schedule.subprocess.Popen", lambda command, **_: started.append(command))
        assert schedule.start_backup() == {"started": True}
        assert started[0][-2:] == ["backup", "--scheduled"]
        self.record(1)
        assert schedule.start_backup() == {"started": False}

    def test_only_the_newest_are_kept(self, directory: Path) -> None:
        schedule.scheduled_path()
        for day in (1, 2, 3, 4):
            (directory / f"2026110{day}-040000.pulseops").touch()
        (directory / "mine.pulseops").touch()
        assert schedule.prune() == ["20261101-040000.pulseops", "20261102-040000.pulseops"]
        assert {path.name for path in directory.iterdir()} == {
            "20261103-040000.pulseops", "20261104-040000.pulseops", "mine.pulseops",
        }  # fmt: skip

    def test_one_that_fails_leaves_nothing_and_is_recorded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(create, "programs_for", lambda _: Programs(Path("/bin"), 18))
        monkeypatch.setattr(Programs, "command", lambda *_: ["/bin/sh", "-c", "echo no room >&2; exit 3"])
        monkeypatch.setattr(create, "address", lambda: (_conninfo(), {}))
        with pytest.raises(CommandError, match="pg_dump has failed: no room"):
            call_command("backup", str(tmp_path / "a.pulseops"))
        assert [path.name for path in tmp_path.iterdir()] == []
        assert CronRun.objects.get(job_name="back_up").status == "failure"

    def test_the_doctor_says_how_old_the_last_is(self, settings: Settings) -> None:
        (found,) = processes.backups()
        assert (found.level, found.text) == (Level.WARNING, "There is none on record.")
        self.record(100)
        (found,) = processes.backups()
        assert found.level is Level.WARNING
        self.record(1)
        (found,) = processes.backups()
        assert (found.level, found.text) == (Level.OK, "The last good one was made 1 h ago: /b/1.")
        CronRun.objects.all().delete()
        settings.DATABASE_URL, settings.BACKUP_DIR = "postgresql://db.example.com/pulseops", ""
        (found,) = processes.backups()
        assert found.level is Level.OK


def _conninfo() -> str:
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    at = connection.get_connection_params()
    return make_conninfo(**{name: at[name] for name in ("host", "port", "user", "dbname") if at.get(name)})


@pytest.mark.parametrize("arguments", [[], ["--scheduled"], ["a", "--scheduled"], ["a", "--to=s3://b/a"]])
def test_what_is_to_be_written_where_must_be_said(arguments: list[str], settings: Settings) -> None:
    settings.BACKUP_DIR = ""
    with pytest.raises(CommandError, match="Name a file"):
        call_command("backup", *arguments)
