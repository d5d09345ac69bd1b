"""Programs of Debian's that send logs: installed ones, or those that `make clients` has unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

UNPACKED = Path(__file__).resolve().parents[2] / "var" / "clients"
_LIBRARIES = (
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/syslog-ng",
    "lib/systemd",
)


def client(path: str, *, probe: Sequence[str] = ("--version",)) -> Path:
    """Return the program at `path` below the root ("usr/sbin/rsyslogd"); skips the test where it is not, or does not
    run."""
    installed = shutil.which(Path(path).name) or next((str(each) for each in [Path("/") / path] if each.exists()), None)
    program = Path(installed) if installed else UNPACKED / path
    if not program.exists():
        pytest.skip(f"{program.name} is not here; `make clients` brings it")
    shown = subprocess.run([program, *probe], env=environment(), capture_output=True, check=False, timeout=60)
    if shown.returncode:
        pytest.skip(f"{program.name} does not run here: {shown.stderr.decode()[:200]}")
    return program


def environment() -> dict[str, str]:
    """Return the environment in which unpacked programs find their libraries."""
    paths = [str(UNPACKED / each) for each in _LIBRARIES if (UNPACKED / each).is_dir()]
    modules = next(iter(UNPACKED.glob("usr/lib/*/rsyslog")), None)
    return {
        "PATH": os.environ["PATH"],
        "LD_LIBRARY_PATH": ":".join(paths),
        **({"RSYSLOG_MODDIR": f"{modules}/"} if modules else {}),
    }
