"""Run all benchmarks, or those that are named: `python -m benchmarks [ingest …]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HELPERS = {"__main__", "catalogue", "dataset", "load", "report", "served", "story", "terms"}


def main() -> int:
    """Run each in a process of its own; returns how many failed."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in HELPERS)
    failed = 0
    for name in sys.argv[1:] or names:
        print(f"\n== {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
