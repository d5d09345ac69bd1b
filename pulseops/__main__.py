"""`python -m pulseops`, and `pulseops` in a container: what manage.py does."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).resolve().parent.parent / "manage.py")
    runpy.run_path(sys.argv[0], run_name="__main__")
