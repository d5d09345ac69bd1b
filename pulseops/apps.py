from __future__ import annotations

from django.apps import AppConfig


class PulseOpsConfig(AppConfig):
    """The pages and commands that stand above all apps."""

    name = "pulseops"
