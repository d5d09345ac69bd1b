"""`manage.py up` where something is in its way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.test import override_settings

from pulseops.management.commands.up import collect_static
from tests.support.installation import ROOT, free_port


def test_a_database_that_cannot_be_reached_is_reported_in_words(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "pulseops.settings",
        "PULSEOPS_NO_VENV": "1",
        "PULSEOPS_DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"postgresql://someone:pass-word@127.0.0.1:{free_port()}/nothing",
        "SECRET_KEY": "x", "API_KEY_SALT": "x", "INTERNAL_CRON_SECRET": "x",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--prepare-only"],
        cwd=ROOT, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "CommandError: The database of DATABASE_URL cannot be reached." in done.stderr
    assert "Traceback" not in done.stderr
    assert "pass-word" not in done.stderr


def up(data_dir: Path, port: int, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=60,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "pulseops.settings", "PULSEOPS_NO_VENV": "1",
             "PULSEOPS_DATA_DIR": str(data_dir), "PORT": str(port), **environment},
    )  # fmt: skip


def test_a_port_that_is_taken_is_reported_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = up(tmp_path, port := other.getsockname()[1])
    assert done.returncode == 1
    assert f"CommandError: Port {port} on 127.0.0.1 cannot be used (Address already in use)." in done.stderr
    assert "PulseOps answers" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_host_that_is_not_ours_is_reported(tmp_path: Path) -> None:
    done = up(tmp_path, free_port(), HOST="203.0.113.7")
    assert "on 203.0.113.7 cannot be used (Cannot assign requested address)." in done.stderr
    assert "Traceback" not in done.stderr


def test_static_files_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        override_settings(STATIC_ROOT=tmp_path / "file" / "static"),
        pytest.raises(CommandError, match="STATIC_ROOT is"),
    ):
        collect_static()


def test_the_demos_procfile_runs_what_the_other_one_runs_and_the_traffic() -> None:
    plain, demo = ((ROOT / name).read_text() for name in ("Procfile", "Procfile.demo"))
    assert demo == f'{plain}demo: exec "$PYTHON" manage.py demo --live --url "$WEB_URL"\n'
