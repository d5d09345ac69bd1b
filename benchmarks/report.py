"""Tables of what was measured, and their place in docs/performance.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

INTRODUCTION = """# Performance

What was measured last, and how to measure it again: `make bench`, or one part of it with
`.venv/bin/python -m benchmarks.ingest --write`. Clients, web server and database share the one machine.
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
        """Return it as Markdown."""
        lines = [self.head, ["---"] + ["---:"] * (len(self.head) - 1), *self.rows]
        return f"### {self.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
