#!/usr/bin/env python3
"""Print the memory of all processes of a running `manage.py up`; pages that some share are divided among them (PSS).

    tools/footprint.py [DATA_DIR]

DATA_DIR is that of the installation (`var`). Linux only; as root or as the user that it runs as. The kernel's page
cache is not counted, nor what others on the machine have.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import psutil


def main(directory: Path) -> None:
    """Print the sum of each kind of process, and of all."""
    supervisor = psutil.Process(int((directory / "up.lock").read_text()))
    sizes: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    for process in [supervisor, *supervisor.children(recursive=True), *database_processes(directory)]:
        try:
            kind = "postgres" if process.name().startswith("postgres") else process.name()
            sizes[kind] += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
        numbers[kind] += 1
    for kind, size in [*sorted(sizes.items()), ("in all", sum(sizes.values()))]:
        sys.stdout.write(f"{kind:<18}{numbers[kind] or numbers.total():>4}{size / 2**20:>8.0f} MB\n")


def database_processes(directory: Path) -> list[psutil.Process]:
    """Return the embedded server's processes: none where a DATABASE_URL says where it is."""
    file = directory / "postgres" / "data" / "postmaster.pid"
    if not file.exists():
        return []
    postmaster = psutil.Process(int(file.read_text().split()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "var"))
