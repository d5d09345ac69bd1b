"""Run all benchmarks, or those that are named: `python -m benchmarks [ingest …] [--write]`.

Options go to each of them; `--write` puts its tables into docs/performance.md.
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.webhooks import ROOT

# Those that need a quiet disk first; those that share the data set of benchmarks/dataset.py one after the other.
ORDER = (
    "ingest",
    "scrub",
    "protocols",
    "webhooks",
    "adoption",
    "search",
    "live_tail",
    "alerting",
    "hostile",
    "visits",
    "sealed",
    "sealed_ingest",
    "retention",
)


def main() -> int:
    """Run each in a process of its own; returns how many failed."""
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    failed = 0
    for name in names or ORDER:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], cwd=ROOT, check=False)
        failed += done.returncode != 0
        print(f"== {name} {'failed' if done.returncode else 'done'} after {time.monotonic() - began:.0f} s", flush=True)
    print("The data set is kept in var/bench for some hours; `python -m benchmarks.dataset --remove` throws it away.")
    return failed


if __name__ == "__main__":
    sys.exit(main())
