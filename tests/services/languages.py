"""What runs the programs that people copy, and with which command. A language that a machine lacks is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.snippets import PLACEHOLDER, Snippet, filled_snippets

COMMANDS = {
    "curl": ("sh",),
    "Python": (sys.executable, "-W", "error"),
    "Node": ("node",),
    "Go": ("go", "run"),
    "Ruby": ("ruby", "-w"),
    "Java": ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
}
_TOOLS = {"curl": "curl", "Python": sys.executable}


def is_here(label: str) -> bool:
    """Return whether this machine has what runs the language."""
    return shutil.which(_tool(label)) is not None


def need(label: str) -> None:
    """Skip the test where the language is not on this machine."""
    if not is_here(label):
        pytest.skip(f"{_tool(label)} is not on this machine; `make languages` installs it")


def _tool(label: str) -> str:
    return _TOOLS.get(label, COMMANDS[label][0])


def snippet(label: str, key: str = PLACEHOLDER) -> Snippet:
    """Return the snippet of a language."""
    return next(each for each in filled_snippets(key) if each.label == label)


def run(label: str, folder: Path, *files: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `files` of `folder` with `variables`, and nothing of our own environment but the way to compilers' caches."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "GOCACHE": os.environ.get("GOCACHE") or str(Path.home() / ".cache" / "go-build"),
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        **variables,
    }
    command = [*COMMANDS[label], *files]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def run_as_it_stands(found: Snippet, folder: Path) -> subprocess.CompletedProcess[str]:
    """Save a snippet under its name and run it."""
    (folder / found.filename).write_text(found.code, encoding="utf-8")
    return run(found.label, folder, found.filename)
