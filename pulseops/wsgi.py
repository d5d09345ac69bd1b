"""The WSGI application that gunicorn serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from pulseops.core.config.environment import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pulseops.settings")
application = get_wsgi_application()
env.refuse_wrong()
