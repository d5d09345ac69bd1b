"""Make a virtual environment with our packages, and go on in it. Only the standard library is available here.

So that `python3 manage.py up` works on a machine that has Python and nothing else; `make run` is the same.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 11)


def enter_environment(root: Path, *, requirements: str = "requirements.txt") -> None:
    """Run on inside `root`/.venv, made and filled first where needed; returns if this process is in it already.

    Someone's own virtual environment, or PULSEOPS_NO_VENV (a container, say), is left as it is.
    """
    if sys.version_info < OLDEST:
        sys.exit(f"PulseOps needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}.")
    if os.environ.get("PULSEOPS_NO_VENV"):
        return
    home = root / ".venv"
    ours = Path(sys.prefix).resolve() == home.resolve()
    if not ours and sys.prefix != sys.base_prefix:
        return
    python = home / "bin" / "python"
    _fill(home, python, root / requirements)
    if not ours:
        os.execv(python, [str(python), *sys.argv])  # noqa: S606  # the same command, in its own environment


def _fill(home: Path, python: Path, requirements: Path) -> None:
    """Install what `requirements` pins, unless the environment's stamp says that this was done."""
    stamp = home / f".{requirements.name}.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not python.exists():
        print("Making a virtual environment in .venv …", file=sys.stderr)  # noqa: T201
        venv.create(home, with_pip=True)
    print(f"Installing {requirements.name} …", file=sys.stderr)  # noqa: T201
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install = [*pip, "--require-hashes", "--only-binary", ":all:"]  # a machine may have no compiler
    done = subprocess.run([*install, "-r", str(requirements)], check=False)
    if done.returncode:
        sys.exit("The packages could not be installed; pip's message is above.")
    stamp.write_text(wanted)


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    _fill(root / ".venv", root / ".venv" / "bin" / "python", root / sys.argv[1])
