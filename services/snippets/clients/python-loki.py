import logging

from logging_loki import LokiHandler

handler = LokiHandler(
    url="https://pulseops.example/loki/api/v1/push",
    auth=("any", "pol_YOUR_KEY"),
    tags={"service": "shop"},
    version="1",
)
logging.getLogger().addHandler(handler)
logging.getLogger().setLevel(logging.INFO)

logging.info("Hello from python-logging-loki", extra={"tags": {"user": "ada"}})
