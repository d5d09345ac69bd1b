"""How the web server is run: where it listens, with how many processes and threads. Read without Django's settings."""

from __future__ import annotations

from pulseops.core.config.environment import env

HOST = env.text("HOST") or "127.0.0.1"
PORT = env.whole("PORT", 8000, least=1, most=65535)
WEB_WORKERS = env.whole("WEB_WORKERS", 2, least=1)
WEB_THREADS = env.whole("WEB_THREADS", 16, least=1)
WEB_DRAIN_SECONDS = env.number("WEB_DRAIN_SECONDS", 0)  # between being asked to stop and stopping: `/readyz` is 503
POOL_SIZE = min(WEB_THREADS + 1, 6)  # connections of one process, unless DATABASE_POOL_SIZE says
TRUSTED_PROXIES = env.whole("TRUSTED_PROXIES", 0)  # how many proxies of ours stand in front and append X-Forwarded-For
ACCESS_LOG = env.switch("ACCESS_LOG", False)
# Bytes of the first line of a request, and of a header: htmx sends the page's address in one. A search stands in the
# address, and of 10,000 characters of one script each takes nine bytes there.
HEAD_LINE_BYTES = 128 * 1024
GUNICORN_LOG_LEVEL = env.one_of("GUNICORN_LOG_LEVEL", "warning", ("debug", "info", "warning", "error", "critical"))

# -- What clients may take ---------------------------------------------------------------------------------------------
# A request is to arrive, and an answer to be taken, within so many seconds, and one more for each of so many bytes.
WEB_REQUEST_SECONDS = env.number("WEB_REQUEST_SECONDS", 10, least=1)
WEB_ANSWER_SECONDS = env.number("WEB_ANSWER_SECONDS", 30, least=1)
WEB_BYTES_PER_SECOND = env.whole("WEB_BYTES_PER_SECOND", 16 * 1024, least=1)
WEB_QUEUE_SECONDS = env.number("WEB_QUEUE_SECONDS", 10, least=1)  # for a thread to be free; then 503
WEB_PAGES_PER_ORG = env.whole("WEB_PAGES_PER_ORG", 2, least=1)  # threads of one process that serve its pages at a time
WEB_STREAMS = env.whole("WEB_STREAMS", 8, least=1)  # bodies without an end (journals) that one process reads at a time
WEB_STREAM_SECONDS = env.number("WEB_STREAM_SECONDS", 10, least=1)  # after which one makes way, if others wait for it
WEB_CONNECTIONS_PER_ADDRESS = env.whole("WEB_CONNECTIONS_PER_ADDRESS", 200)  # of one process; 0: no limit
WEB_BUFFERED_BODY_BYTES = env.whole("WEB_BUFFERED_BODY_BYTES", 6 * 1024 * 1024)  # larger ones are read by a thread
WEB_BUFFER_BYTES = env.whole("WEB_BUFFER_BYTES", 64 * 1024 * 1024, least=1024)  # of one process, for what is incomplete
