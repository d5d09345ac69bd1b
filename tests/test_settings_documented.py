"""Every variable that is read from the environment is documented, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READ_IN = (
    *sorted((ROOT / "pulseops" / "settings").glob("*.py")),
    ROOT / "pulseops" / "server" / "options.py",
    ROOT / "pulseops" / "server" / "gunicorn.py",
    ROOT / "pulseops" / "bootstrap.py",
    ROOT / "pulseops" / "management" / "commands" / "up.py",
)
INTERNAL = {"PYTHON", "PYTHONUNBUFFERED", "PULSEOPS_NO_VENV"}


def read() -> set[str]:
    source = "\n".join(path.read_text() for path in READ_IN)
    called = re.findall(r'(?:env(?:\.\w+)?|environ\.(?:get|setdefault)|_secret)\(\s*"([A-Z_]+)"', source)
    return set(called) - INTERNAL


def documented() -> set[str]:
    rows = "\n".join(
        line.split("|")[1]
        for name in ("README.md", "docs/operations.md")
        for line in (ROOT / name).read_text().splitlines()
        if line.startswith("| `")
    )
    return set(re.findall(r"`([A-Z][A-Z_]{3,})`", rows))


def test_what_is_read_is_documented_and_what_is_documented_is_read() -> None:
    assert read() == documented()
