"""Print the floor plan as it stands.

    python tools/map.py [ROOT]

Rooms with their lines and imports, circles, the longest files and functions, and public names without a user.
A room is a package. The entry points that Django itself loads (apps, urls, admin, tasks, commands, migrations) are left
out of the arrows, because they gather what stands below and beside them. Reads only the files of ROOT, so it runs on
any commit.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ORDER = [
    "pulseops.core",
    "accounts",
    "services",
    "logs",
    "deployments",
    "notifications",
    "incidents",
    "alerts",
    "pulseops",
]
BESIDE = {"logs", "deployments", "notifications"}  # on one floor: none imports another
ENTRY_POINTS = {"apps", "urls", "admin", "tasks", "hooks", "management", "migrations", "sign_in_urls"}
READ_BY_NAME = (
    "pulseops.settings",
    "pulseops.formats",
    "pulseops.server.gunicorn",
    "accounts.passwords",
)  # by Django, gunicorn
CALLED_BY_LIBRARIES = {
    "raise_for_status",  # of allauth's responses
    "SessionStore",  # of SESSION_ENGINE
    "process_exception",  # of Django's middleware
    "sendfile",  # of the socket that gunicorn writes to
    "gettimeout",
}
WORD = re.compile(r"\w+")


def app_of(module: str) -> str | None:
    """Return the app that a dotted module name belongs to."""
    if f"{module}.".startswith("pulseops.core."):
        return "pulseops.core"
    first = module.split(".", maxsplit=1)[0]
    return first if first in ORDER else None


class Source:
    """One file of the product: its module name, its room and what it says."""

    def __init__(self, root: Path, path: Path) -> None:
        self.name = str(path.relative_to(root))
        parts = list(path.relative_to(root).with_suffix("").parts)
        self.is_entry_point = bool(ENTRY_POINTS & set(parts))
        self.module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self.room = ".".join(parts[:-1])
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.count("\n")
        self.tree = ast.parse(self.text)

    def imports(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[tuple[int, str]]:
        """Yield (lines, place) of each function."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{self.name}:{node.lineno} {node.name}"

    def public_names(self) -> Iterator[str]:
        """Yield the undecorated public names at the top, and the methods of plain classes."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list:
                yield node.name
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            if isinstance(node, ast.ClassDef) and not node.bases:
                yield from (each.name for each in node.body if isinstance(each, ast.FunctionDef))


def sources(root: Path) -> list[Source]:
    """Return the product's files, without its tests, benchmarks and tools."""
    tops = sorted({name.split(".")[0] for name in ORDER})
    return [Source(root, path) for top in tops for path in sorted((root / top).rglob("*.py"))]


def arrows_between(files: list[Source]) -> dict[str, Counter[str]]:
    """Return room -> room -> how many imports go that way."""
    rooms = {each.room for each in files}
    arrows: dict[str, Counter[str]] = defaultdict(Counter)
    modules = {each.module: each.room for each in files}
    for each in (each for each in files if not each.is_entry_point):
        for name in each.imports():
            target = modules.get(name) or modules.get(name.rpartition(".")[0])
            target = target if target is not None else (name if name in rooms else None)
            if target is not None and target != each.room:
                arrows[each.room][target] += 1
    return arrows


def is_up(source: str, target: str) -> bool:
    """Return whether an arrow goes to a floor above, or to another app of the same floor."""
    ours, theirs = app_of(source), app_of(target)
    if ours is None or theirs is None or ours == theirs:
        return False
    return ORDER.index(theirs) > ORDER.index(ours) or {ours, theirs} <= BESIDE


def circles_of(arrows: dict[str, Counter[str]]) -> list[list[str]]:
    """Return the groups of rooms of which each reaches each."""
    reach: dict[str, set[str]] = {}
    for room in arrows:
        seen, todo = set(), [room]
        while todo:
            for target in arrows.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        reach[room] = seen
    groups = {frozenset(o for o in reach[room] if room in reach.get(o, ())) | {room} for room in reach}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def unused_names(root: Path, files: list[Source]) -> list[str]:
    """Return public names that nothing of the product says a second time: neither code nor a template."""
    words = Counter(word for each in files for word in WORD.findall(each.text))
    for path in [*(root / "templates").rglob("*.html"), *root.glob("*.py"), *(root / "benchmarks").glob("*.py")]:
        words.update(WORD.findall(path.read_text(encoding="utf-8")))
    return [
        f"{each.name} {name}"
        for each in files
        if not each.is_entry_point and not each.module.startswith(READ_BY_NAME)
        for name in each.public_names()
        if not name.startswith("_") and words[name] == 1 and name not in CALLED_BY_LIBRARIES
    ]


def main(root: Path) -> None:
    """Print the map of the product below `root`."""
    files = sources(root)
    arrows = arrows_between(files)
    lines: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for each in files:
        if "migrations" not in each.room:
            lines[each.room] += each.lines
            count[each.room] += 1
    print(f"{sum(lines.values())} lines in {sum(count.values())} files of {len(lines)} rooms, without migrations\n")
    for room in sorted(lines):
        targets = ", ".join(f"{target} {n}" for target, n in sorted(arrows.get(room, Counter()).items()))
        print(f"{lines[room]:6} lines {count[room]:3} files  {room or '.'}" + (f"  -> {targets}" if targets else ""))
    up = [f"{room} -> {target}" for room in arrows for target in arrows[room] if is_up(room, target)]
    sections = {
        "arrows up or across": up,
        "circles": [" <-> ".join(circle) for circle in circles_of(arrows)],
        "longest files": [f"{n:4} {name}" for n, name in sorted(((f.lines, f.name) for f in files), reverse=True)[:12]],
        "longest functions": [
            f"{n:4} {p}" for n, p in sorted((x for f in files for x in f.functions()), reverse=True)[:15]
        ],
        "public names without a user": unused_names(root, files),
    }
    for title, rows in sections.items():
        print(f"\n{title}: {'none' if not rows else ''}")
        print("".join(f"  {row}\n" for row in rows), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
