"""Our own log: one line of JSON an event, or text for people."""

from __future__ import annotations

from pulseops.core.config.environment import env
from pulseops.settings.place import DEBUG

LOG_FORMAT = env.one_of("LOG_FORMAT", "text" if DEBUG else "json", ("json", "text"))
# An API key: what serves also stores its own log by it, in an organisation that is made for that.
SELF_LOGGING = env.api_key("SELF_LOGGING")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation": {"()": "pulseops.core.config.logging.CorrelationFilter"}},
    "formatters": {
        "json": {"()": "pulseops.core.config.logging.JsonFormatter"},
        "text": {"()": "pulseops.core.config.logging.TextFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["correlation"]},
        **(
            {"self": {"class": "pulseops.core.self_logging.SelfLogHandler", "filters": ["correlation"]}}
            if SELF_LOGGING
            else {}
        ),
    },
    "root": {"handlers": ["stderr", *(["self"] if SELF_LOGGING else [])], "level": env.level("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        "fido2": {"level": "WARNING"},  # below it the ids of passkeys
        "django-q": {"handlers": [], "propagate": True},
    },
}
