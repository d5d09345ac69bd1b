"""The product's settings, and the tasks of the benchmarks."""

from __future__ import annotations

from pulseops.settings import *  # noqa: F403
from pulseops.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks"]
