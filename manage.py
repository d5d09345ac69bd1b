#!/usr/bin/env python3
"""Django's command line for PulseOps. `manage.py up` also makes its own virtual environment."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from pulseops import __version__
from pulseops.bootstrap import enter_environment


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulseops.settings")
    os.environ["PULSEOPS_PROCESS"] = "".join(sys.argv[1:2])  # pulseops.core.metrics asks which of ours this is
    if sys.argv[1:] in (["version"], ["--version"]):
        sys.stdout.write(f"PulseOps {__version__}\n")  # Django would print its own
        return
    if sys.argv[1:2] == ["up"]:
        enter_environment(Path(__file__).resolve().parent)
    if "django" not in sys.modules:  # else this is a fork of `manage.py up`, which has loaded all
        gc.disable()  # until all apps are loaded (pulseops.apps)
    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415  # may be missing until `up`
    except ModuleNotFoundError:
        sys.exit("Django is not installed here. Start with `python3 manage.py up`, or use .venv/bin/python.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
