"""Runs other people's loggers against a running PulseOps: where they are, and what is told to them.

`make clients` puts them below var/clients; a test that needs what is not there is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.snippets import PLACEHOLDER, filled_groups
from tests.support.installation import Installation

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parents[1] / "var" / "clients"
PYTHON = INSTALLED / "python" / "bin" / "python"
NODE_MODULES = INSTALLED / "node"
PATIENCE = 300  # seconds for one of them, on a machine that is busy with others


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running installation, and by each client's name a key of a service of its own; of those that speak no HTTP the
    address of a port for that key alone."""

    installation: Installation
    keys: dict[str, str]
    sockets: dict[str, str]


def has_python() -> bool:
    """Whether the packages of PyPI are here."""
    return (INSTALLED / "python" / ".made-of").exists()


def has_node() -> bool:
    """Whether Node and the packages of npm are here."""
    return (NODE_MODULES / ".made-of").exists() and shutil.which("node") is not None


@contextmanager
def driver(command: list[str], receiver: Receiver, names: Collection[str]) -> Iterator[Callable[[], dict[str, Any]]]:
    """Run a driver for its clients until the block ends; gives a function that waits for what it says of them."""
    keys = {name: receiver.keys[name] for name in names}
    told = json.dumps(
        {
            "url": receiver.installation.url,
            "keys": keys,
            "sockets": receiver.sockets,
            "modules": str(NODE_MODULES),
            "patience": PATIENCE,
        }
    )
    with subprocess.Popen(
        command, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        lines = process.stdout
        process.stdin.write(f"{told}\n")
        process.stdin.flush()
        try:
            yield lambda: json.loads(lines.readline())
        finally:
            process.kill()


def clean_environment(**more: str) -> dict[str, str]:
    """Return an environment with nothing of ours, in which the installed programs come first."""
    path = f"{PYTHON.parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **more}


def text_of(filename: str, url: str, key: str) -> str:
    """Return the text of a client as the page of a new key shows it at `url`; PUBLIC_URL must be that."""
    texts = {snippet.filename: snippet.code for group in filled_groups(key) for snippet in group.snippets}
    assert url in texts[filename] or url.partition("://")[2].partition(":")[0] in texts[filename]
    assert PLACEHOLDER not in texts[filename]
    return texts[filename]
