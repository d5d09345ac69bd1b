"""The WSGI application that gunicorn serves."""

from __future__ import annotations

import os

import django

from pulseops.core.config.environment import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulseops.settings")
django.setup(set_prefix=False)

from pulseops.core.web.wsgi_request import Utf8Handler  # noqa: E402 - reads the settings

application = Utf8Handler()
env.refuse_wrong()
