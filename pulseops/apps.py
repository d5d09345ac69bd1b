from __future__ import annotations

import gc
from importlib import import_module

from django.apps import AppConfig

from pulseops.core.extensions import DEPLOYMENT_ERRORS, DEPLOYMENT_PANELS, NAV, NavEntry


class PulseOpsConfig(AppConfig):
    """The pages and commands that stand above all apps."""

    name = "pulseops"

    def ready(self) -> None:
        NAV.add(
            NavEntry(10, "Dashboard", "dashboard", "dashboard", "d"),
            NavEntry(110, "Diagnostics", "diagnostics", "alert", settings=True),
        )
        import_module("pulseops.diagnostics.postgres_checks")  # its system check
        import_module("pulseops.backup.schedule")  # its jobs
        from pulseops.comparison.panel import comparison_panel, error_changes  # noqa: PLC0415 - models are there only now

        DEPLOYMENT_PANELS.add(comparison_panel)
        DEPLOYMENT_ERRORS.add(error_changes)
        _collect_garbage_from_here_on()


def _collect_garbage_from_here_on() -> None:
    """Let the collector look at what is made from now on: all that was loaded stays.

    It would look at that again and again meanwhile, for a tenth of a start: so manage.py and gunicorn begin without it.
    """
    gc.freeze()
    gc.enable()
