"""`manage.py up` where something is in its way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.installation import ROOT, free_port


def test_a_database_that_cannot_be_reached_is_told_in_words(tmp_path: Path) -> None:
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
