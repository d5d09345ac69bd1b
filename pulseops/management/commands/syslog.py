"""`manage.py syslog`: take in syslog where SYSLOG_LISTENERS says, until asked to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from logs.syslog.listeners import ListenerError, read_listeners
from logs.syslog.server import SyslogServer
from pulseops.server.supervision import end_with_supervisor
from pulseops.server.supervisor import SUPERVISOR


class Command(BaseCommand):
    help = "Takes in syslog by UDP, TCP and TLS (SYSLOG_LISTENERS); SIGTERM ends it once all is stored."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT; end at once where there is nothing to listen to. Raises CommandError."""
        try:
            listeners = read_listeners(settings.SYSLOG_LISTENERS)
            if not listeners:
                if SUPERVISOR not in os.environ:  # `manage.py up` runs us always
                    self.stdout.write("SYSLOG_LISTENERS is empty, so there is nothing to listen to.")
                return
            end_with_supervisor()
            asyncio.run(self._run(SyslogServer(listeners)))
        except (ListenerError, OSError) as error:
            raise CommandError(str(error)) from error

    async def _run(self, server: SyslogServer) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stopping.set)
        await server.run()
