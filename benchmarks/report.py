"""Tables of what was measured, and their place in docs/performance.md."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

import psutil

INTRODUCTION = """# Performance

What was measured last, and how to measure it again: `make bench`, or one part of it with
`.venv/bin/python -m benchmarks search --write`. Clients, web server and database share the one machine, which should
have nothing else to do. The log store is measured on ten million logs of twelve organisations, of which one has 80 %;
they are made once and kept in `var/bench` (some 10 GB) until `.venv/bin/python -m benchmarks.dataset --remove`.
"""


@dataclass(slots=True)
class Table:
    """A table with a title; cells are shown as they are."""

    title: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Add a row."""
        self.rows.append([str(cell) for cell in cells])

    def markdown(self) -> str:
        """Return it as Markdown; columns of numbers end at one line, columns of words begin at one."""
        marks = ["---" if any(map(_is_words, column)) else "---:" for column in zip(*self.rows, strict=True)]
        lines = [self.head, ["---", *marks[1:]], *self.rows]
        return f"### {self.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _is_words(cell: str) -> bool:
    return cell[:1].isalpha() or cell.startswith("`")


def machine() -> str:
    """Describe the machine and the database that Django is set up on, in a sentence."""
    from django.db import connection  # noqa: PLC0415 - not every benchmark has Django set up

    names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "work_mem", "max_wal_size")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, current_setting(name) FROM unnest(%s::text[]) name", [list(names)])
        settings = ", ".join(f"{name} {value}" for name, value in cursor.fetchall())
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}, PostgreSQL {settings}; "
        f"load of the machine: {os.getloadavg()[0]:.1f}."
    )


def write_section(path: Path, heading: str, text: str) -> None:
    """Put `text` under `## heading` of a document, in place of what stands there."""
    document = path.read_text(encoding="utf-8") if path.exists() else INTRODUCTION
    section = f"## {heading}\n\n{text}\n"
    pattern = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(document):
        document = pattern.sub(lambda _: section + "\n", document)
    else:
        document = f"{document.rstrip()}\n\n{section}"
    path.write_text(document.rstrip() + "\n", encoding="utf-8")
