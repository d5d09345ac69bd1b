"""What sent something is said in words, whatever a stranger writes into a User-Agent."""

from __future__ import annotations

from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.ingest import routes
from services.client_names import LONGEST, PROTOCOLS, client_label, product_of, sender_label


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        ("Elastic-filebeat/8.17.1 (linux; amd64; 0a1b2c; 2025-01-10)", "Filebeat 8.17.1"),
        ("Filebeat/7.10.2 (linux; amd64)", "Filebeat 7.10.2"),
        ("OTel-OTLP-Exporter-Python/1.45.2", "OpenTelemetry SDK for Python 1.45.2"),
        ("OpenTelemetry Collector Contrib/0.135.0 (linux/amd64)", "OpenTelemetry Collector Contrib 0.135.0"),
        ("OTel OTLP Exporter Go/1.38.0", "OpenTelemetry SDK for Go 1.38.0"),
        ("Fluent-Bit", "Fluent Bit"),
        ("Vector/0.58.0 (x86_64-unknown-linux-gnu abc 2026)", "Vector 0.58.0"),
        ("elasticsearch-py/9.5.1 (Python/3.11.2; elastic-transport/9.4.2)", "elasticsearch-py 9.5.1"),
        ("python-requests/2.34.2", "Python requests 2.34.2"),
        ("curl/7.88.1 extra/1", "curl 7.88.1"),
        ("", ""),
        ("(only a comment)", ""),
        ("\x1b[31mred/1", ""),
        ("caf\xe9/1", ""),
    ],
)
def test_the_first_product_is_said_as_people_call_it(user_agent: str, label: str) -> None:
    assert client_label(product_of(user_agent)) == label


@given(st.text(max_size=2_000))
def test_a_product_is_short_and_can_be_printed(user_agent: str) -> None:
    product = product_of(user_agent)
    assert len(product) <= LONGEST
    assert product.isascii()
    assert product.isprintable()


def test_a_sender_is_a_product_a_protocol_or_both() -> None:
    assert sender_label("elastic", "Filebeat/8.17.1") == "by Filebeat 8.17.1 (Elasticsearch bulk)"
    assert sender_label("loki", "") == "by Loki push"
    assert sender_label("", "curl/8") == "by curl 8"
    assert sender_label("", "") == ""


def test_every_protocol_has_a_name() -> None:
    modules = [value for value in vars(routes).values() if isinstance(value, type) and hasattr(value, "name")]
    names = {each.name for each in modules} | {import_module("logs.ingest.protocols.elastic.bulk").BulkProtocol.name}
    assert names <= set(PROTOCOLS)
