"""Clients that the requirements bring: what they were told to log is stored. tests/clients has more, in more detail."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from logs.models import LogEntry
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.filterwarnings("ignore")]  # theirs are theirs


def logger_with(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("shop")  # noqa: LOG001 - no one else shall hear it
    logger.addHandler(handler)
    return logger


def fail(logger: logging.Logger) -> None:
    logger.error("charge failed")


def loki(version: str) -> Callable[[str, str], None]:
    def send(url: str, key: str) -> None:
        module = pytest.importorskip("logging_loki", reason="python-logging-loki is not installed")
        handler = module.LokiHandler(url=f"{url}/loki/api/v1/push", auth=("any", key), tags={"a": "b"}, version=version)
        handler.handleError = lambda record: pytest.fail("it raises unless it is answered by 204")
        fail(logger_with(handler))

    return send


def elasticsearch(**auth: Any) -> Callable[[str, str], None]:
    def send(url: str, key: str) -> None:
        module = pytest.importorskip("elasticsearch", reason="elasticsearch is not installed")
        filled = {name: value(key) for name, value in auth.items()}
        with module.Elasticsearch(f"{url}/es", http_compress=True, **filled) as client:
            assert client.info()["tagline"] == "You Know, for Search"
            document = {"@timestamp": timezone.now().isoformat(), "message": "charge failed", "log.level": "error"}
            helpers = importlib.import_module("elasticsearch.helpers")
            assert helpers.bulk(client, [{"_index": "logs", "_source": document}]) == (1, [])

    return send


def splunk(url: str, key: str) -> None:
    module = pytest.importorskip("splunk_handler", reason="splunk-handler is not installed")
    address = urlsplit(url)
    handler = module.SplunkHandler(
        host=address.hostname, port=address.port, token=key, index="main", protocol="http", flush_interval=0
    )
    logger = logger_with(handler)
    logger.error('{"message": "charge failed", "level": "error"}')
    handler.force_flush()
    handler.close()


CLIENTS = {
    "python-logging-loki, old": loki("0"),
    "python-logging-loki": loki("1"),
    "elasticsearch, key": elasticsearch(api_key=str),
    "elasticsearch, id and key": elasticsearch(api_key=lambda key: ("any", key)),
    "elasticsearch, basic": elasticsearch(basic_auth=lambda key: ("any", key)),
    "elasticsearch, bearer": elasticsearch(bearer_auth=str),
    "splunk-handler": splunk,
}


@pytest.mark.parametrize("send", CLIENTS.values(), ids=CLIENTS)
def test_what_a_client_logs_is_stored(live_server: Any, api_key: str, send: Callable[[str, str], None]) -> None:
    began = timezone.now()
    send(live_server.url, api_key)
    wait_until(LogEntry.objects.exists)  # some send from a thread of theirs
    log = LogEntry.objects.get()
    assert (log.message, log.level) == ("charge failed", "error")
    assert began.timestamp() - 1 <= log.ts.timestamp() <= timezone.now().timestamp()
