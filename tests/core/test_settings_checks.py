"""Settings that would hurt later, in fresh processes as an operator would start them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SECRETS = {"SECRET_KEY": "s" * 50, "API_KEY_SALT": "salt", "INTERNAL_CRON_SECRET": "cron"}
ELSEWHERE = "postgresql://u:p@127.0.0.1:1/x"


def check(data_dir: Path, **environment: str) -> str:
    """Run `manage.py check` with nothing but `environment` and return what it says."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**inherited, "PULSEOPS_DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_missing_secrets_are_errors_with_a_database_url(tmp_path: Path) -> None:
    said = check(tmp_path, DATABASE_URL=ELSEWHERE)
    for number in (1, 2, 3):
        assert f"pulseops.E00{number}" in said
    assert not (tmp_path / "secrets").exists()


def test_given_secrets_satisfy_it_and_a_public_address_gets_secure_cookies(tmp_path: Path) -> None:
    assert "no issues" in check(tmp_path, DATABASE_URL=ELSEWHERE, PUBLIC_URL="http://logs.example.com", **SECRETS)


def test_secrets_are_made_once_and_kept_private_and_insecure_cookies_are_warned_about(tmp_path: Path) -> None:
    assert "no issues" in check(tmp_path)
    kept = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {"SECRET_KEY", "API_KEY_SALT", "INTERNAL_CRON_SECRET"} <= set(kept)
    assert all((tmp_path / "secrets" / name).stat().st_mode & 0o077 == 0 for name in kept)
    assert "pulseops.W001" in check(tmp_path, PUBLIC_URL="http://logs.example.com", SECURE_COOKIES="0")
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == kept
