"""`manage.py loop`: the dispatcher's former name, for service files that call it."""

from __future__ import annotations

from pulseops.management.commands.dispatcher import Command as Dispatcher


class Command(Dispatcher):
    help = "The same as `dispatcher`."
