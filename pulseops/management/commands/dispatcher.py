"""`manage.py dispatcher`: evaluate rules and deliver messages until asked to stop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from pulseops.core.db.answer_timeout import work_in_background
from pulseops.server.dispatcher import Dispatcher
from pulseops.server.supervision import end_with_supervisor


class Command(BaseCommand):
    help = "Evaluates alert rules and delivers messages immediately; SIGTERM ends it gracefully."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        work_in_background()
        dispatcher = Dispatcher()
        dispatcher.handle_signals()
        end_with_supervisor()
        dispatcher.run()
