"""`manage.py loop`: look at rules and deliver messages until told to stop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from pulseops.server.dispatcher import Loop
from pulseops.server.supervision import end_with_supervisor


class Command(BaseCommand):
    help = "Evaluates alert rules and delivers messages immediately; SIGTERM ends it gracefully."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = Loop()
        loop.handle_signals()
        end_with_supervisor()
        loop.run()
