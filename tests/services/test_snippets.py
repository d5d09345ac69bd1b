"""The texts for clients: all are listed, and each says this installation's address and the key, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from services import snippets
from services.snippets import PLACEHOLDER, filled_groups
from services.snippets.catalog import GROUPS

KEY = "pol_" + "a" * 64
CLIENTS = [client.filename for group in GROUPS for client in group.clients]


def texts(key: str = KEY) -> dict[str, str]:
    return {snippet.filename: snippet.code for each in filled_groups(key) for snippet in each.snippets}


def test_every_text_has_an_entry_and_labels_are_unique() -> None:
    texts_there = (path for path in (Path(snippets.__file__).parent / "clients").iterdir() if path.is_file())
    assert sorted(path.name for path in texts_there) == sorted(CLIENTS)
    labels = [client.label for group in GROUPS for client in group.clients]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("url", ["https://logs.acme.test", "https://logs443.acme.test:8443", "http://127.0.0.1:8000"])
def test_each_says_the_address_and_the_key(url: str, settings: Settings) -> None:
    settings.PUBLIC_URL = url
    host = url.partition("://")[2].partition(":")[0]
    for name, code in texts().items():
        assert KEY in code, name
        assert host in code, name
        assert "pulseops.example" not in code, name
        assert PLACEHOLDER not in code, name


def test_clients_that_want_a_port_are_given_it(settings: Settings) -> None:
    for url, address, port in (
        ("https://logs.acme.test", "https://logs.acme.test:443", "443"),
        ("https://logs.acme.test:8443", "https://logs.acme.test:8443", "8443"),
        ("http://10.0.0.7", "http://10.0.0.7:80", "80"),
        ("http://[::1]:8000", "http://[::1]:8000", "8000"),
    ):
        settings.PUBLIC_URL = url
        code = texts()
        assert f'"{address}/es"' in code["filebeat.yml"]
        assert f'"{address}/es"' in code["logstash.conf"]
        assert f"port: {port}\n" in code["fluent-bit.yaml"]
        assert f"port={port}," in code["splunk-handler.py"]
        assert f"logs_dd_url: {address.partition('://')[2]}\n" in code["datadog.yaml"]
        assert f"endpoint: {url}\n" in code["collector.yaml"]  # it needs none


def test_tls_is_off_where_an_installation_has_none(settings: Settings) -> None:
    for url, word in (("https://logs.acme.test", "on"), ("http://127.0.0.1:8000", "off")):
        settings.PUBLIC_URL = url
        assert f"tls: {word}\n" in texts()["fluent-bit.yaml"]
        assert f"any:{KEY}@{url.partition('://')[2]}/drains/heroku" in texts()["heroku.sh"]
        assert url.partition("://")[0] + "://any:" in texts()["heroku.sh"]
    assert "logs_no_ssl: true" in texts()["datadog.yaml"]
    assert 'protocol="http"' in texts()["splunk-handler.py"]
