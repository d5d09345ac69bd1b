"""What a bare machine lacks comes with the requirements."""

from __future__ import annotations

import os
import subprocess
import sys


def test_time_zones_come_with_the_requirements() -> None:
    """A bare Debian has no zone data; every page asks for UTC."""
    code = "from zoneinfo import ZoneInfo, available_timezones; ZoneInfo('UTC'); print(len(available_timezones()))"
    environment = {**os.environ, "PYTHONTZPATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 400
