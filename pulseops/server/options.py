"""How the web server is run: where it listens, with how many processes and threads. Read without Django's settings."""

from __future__ import annotations

from pulseops.core.config.environment import env

HOST = env.text("HOST") or "127.0.0.1"
PORT = env.whole("PORT", 8000, least=1, most=65535)
WEB_WORKERS = env.whole("WEB_WORKERS", 2, least=1)
WEB_THREADS = env.whole("WEB_THREADS", 16, least=1)
POOL_SIZE = min(WEB_THREADS + 1, 6)  # connections of one process, unless DATABASE_POOL_SIZE says
WEB_REQUEST_SECONDS = env.number("WEB_REQUEST_SECONDS", 30, least=1)  # for head and body to arrive
ACCESS_LOG = env.switch("ACCESS_LOG", False)
# Bytes of the first line of a request, and of a header: htmx sends the page's address in one. A search stands in the
# address, and of 10,000 characters of one script each takes nine bytes there.
HEAD_LINE_BYTES = 128 * 1024
GUNICORN_LOG_LEVEL = env.one_of("GUNICORN_LOG_LEVEL", "warning", ("debug", "info", "warning", "error", "critical"))
