"""Settings that cannot be used are told in one line each, and nothing starts with them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pulseops.core.config.environment import Environment
from tests.support.installation import ROOT

# Each value is wrong for its variable; what is said begins with the variable's name.
WRONG = {
    "PORT": ["abc", "0", "70000", "80.5"],
    "DEBUG": ["maybe"],
    "DATABASE_URL": ["nonsense", "mysql://u:pass-word@h/n", "postgres://u:pass-word@h:port/n", "postgres://u:pass-word@[h/n"],
    "REDIS_URL": ["nonsense"],
    "PUBLIC_URL": ["example.com", "ftp://example.com", "https://[::1"],
    "TRUSTED_PROXIES": ["one", "-1"],
    "PULSEOPS_DEMO": ["perhaps"],
    "EMAIL_URL": ["nonsense", "smtp://u:pass-word@h:port"],
    "LOG_FORMAT": ["xml"],
    "LOG_LEVEL": ["loud"],
    "WEB_THREADS": ["0"],
    "ACCESS_LOG": ["/var/log/access"],
    "GUNICORN_LOG_LEVEL": ["loud"],
    "DATABASE_ANSWER_SECONDS": ["soon", "nan", "-1"],
    "AUDIT_RETENTION_DAYS": ["-1"],
    "INGEST_MAX_BYTES": ["5 MiB", "0"],
    "SECURE_COOKIES": ["x"],
    "OUTGOING_CA_BUNDLE": ["/no/such/file"],
}  # fmt: skip


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env={**inherited, "PULSEOPS_NO_VENV": "1", **environment},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_every_kind_of_setting_is_checked_at_once(tmp_path: Path) -> None:
    done = run(
        "manage.py", "check", PULSEOPS_DATA_DIR=str(tmp_path), **{name: wrong[0] for name, wrong in WRONG.items()}
    )
    told = [line for line in done.stderr.splitlines() if "pulseops.E010" in line]
    assert done.returncode == 1
    assert sorted(line.split(") ")[1].split(" is ")[0] for line in told) == sorted(WRONG)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, wrong in WRONG.items() for value in wrong[1:]])
def test_each_wrong_value_is_noticed_and_no_password_repeated(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    env = Environment()
    read = {
        "PORT": lambda: env.whole(name, 8000, least=1, most=65535),
        "TRUSTED_PROXIES": lambda: env.whole(name, 0),
        "INGEST_MAX_BYTES": lambda: env.whole(name, 1, least=1),
        "DATABASE_URL": lambda: env.database(name),
        "PUBLIC_URL": lambda: env.url(name, "http://localhost", ("https", "http")),
        "EMAIL_URL": lambda: env.mail(name),
        "DATABASE_ANSWER_SECONDS": lambda: env.number(name, 20),
    }[name]
    read()
    assert [wrong.name for wrong in env.wrong] == [name]
    assert env.wrong[0].text.startswith(f"{name} is ")
    assert "pass-word" not in env.wrong[0].text


def test_blank_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A_NUMBER", "A_SWITCH", "AN_ADDRESS"):
        monkeypatch.setenv(name, " " if name != "AN_ADDRESS" else "")
    env = Environment()
    assert env.whole("A_NUMBER", 7) == 7
    assert env.switch("A_SWITCH", True) is True
    assert env.url("AN_ADDRESS", "http://x", ("http",)) == "http://x"
    assert env.wrong == []


def test_a_wrong_database_address_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgre://db/pulseops")
    assert Environment().database("DATABASE_URL")["HOST"] == os.devnull


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_data_directory_that_is_none_is_reported(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("manage.py", "up", PULSEOPS_DATA_DIR=str(tmp_path / path))
    assert done.returncode == 1
    assert "(pulseops.E010) PULSEOPS_DATA_DIR is" in done.stderr
    assert "E001" not in done.stderr  # what follows from it is not told as well
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("wrong", [{"WEB_THREADS": "many"}, {"WORKERS": "many"}])
def test_the_web_server_does_not_start_with_them(wrong: dict[str, str], tmp_path: Path) -> None:
    done = run(
        "-m", "gunicorn", "--config", "python:pulseops.server.gunicorn", "pulseops.wsgi",
        PULSEOPS_DATA_DIR=str(tmp_path), **wrong,
    )  # fmt: skip
    assert done.returncode
    assert f"PulseOps does not start: {next(iter(wrong))} is “many”, not a whole number." in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_does_not_ask_a_database_that_is_none(tmp_path: Path) -> None:
    done = run("manage.py", "migrate", PULSEOPS_DATA_DIR=str(tmp_path), DATABASE_URL="nonsense")
    assert done.returncode == 1
    assert done.stderr.startswith("PulseOps does not start: DATABASE_URL is not an address such as")
