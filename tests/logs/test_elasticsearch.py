"""Elasticsearch: what is stored of a bulk, what clients ask before, and the answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from logs.models import LogEntry
from tests.logs.foreign import NOW, Post, bulk
from tests.logs.sending import stored

pytestmark = pytest.mark.django_db
BULK = "/es/_bulk"


def test_bulk(post: Post) -> None:
    document = {"@timestamp": NOW.isoformat(), "message": "boom", "log": {"level": "error"}, "trace": {"id": "ab" * 16}}
    response = post(BULK, bulk({"index": {"_index": "x"}}, document), "application/x-ndjson")
    assert response.content == b'{"took":1,"errors":false,"items":[{"index":{"status":201}}]}'
    assert response["X-Elastic-Product"] == "Elasticsearch"
    log = stored()
    assert (log.level, log.message, log.ts, log.trace_id) == ("error", "boom", NOW, "ab" * 16)


def test_bulk_has_an_item_for_each_action(post: Post) -> None:
    old = {"@timestamp": "2001-01-01T00:00:00Z", "message": "old"}
    lines = [
        {"create": {}}, {"message": "a"}, b"", b"\r", {"create": {}}, old, {"delete": {"_id": 1}}, b"{broken",
        b'{"x":1}', {"update": {}}, {"doc": {"message": "b"}}, {"index": {}, "attempts": 0},
        b'{"message": "c", "n": NaN}',        {"index": {}}, b"{broken", {"index": {}},
    ]  # fmt: skip
    items = post("/es/logs-2026/_bulk", bulk(*lines), "", "put").json()["items"]
    statuses = [(name, item["status"]) for each in items for name, item in each.items()]
    assert statuses == [
        ("create", 201), ("create", 400), ("delete", 404), ("index", 400), ("update", 201), ("index", 201),
        ("index", 400), ("index", 400),
    ]  # fmt: skip
    assert set(LogEntry.objects.values_list("message", flat=True)) == {"a", "b", "c"}


def test_bulk_of_nothing_but_bad_logs(post: Post) -> None:
    body = bulk({"create": {}}, {"@timestamp": "2001-01-01T00:00:00Z", "message": "old"})
    assert post(BULK, body).json()["errors"] is True
    assert post(BULK, body, user_agent="Fluent-Bit").json()["errors"] is False  # it would send it forever
    assert post(BULK, b"no action at all").status_code == 400


def test_a_document_by_itself(post: Post) -> None:
    response = post("/es/logs/_doc", {"message": "a"})
    assert (response.status_code, response.json()["result"]) == (201, "created")
    assert stored().message == "a"


@pytest.mark.parametrize(
    ("method", "path", "key", "value"),
    [
        ("get", "/es", "cluster_name", "pulseops"),
        ("get", "/es/", "tagline", "You Know, for Search"),
        ("get", "/es//_license", "license", None),
        ("get", "/es/_cluster/health?timeout=30s", "status", "green"),
        ("get", "/es/_nodes/http", "nodes", {}),
        ("get", "/es/_ilm/policy/filebeat", None, None),
        ("put", "/es/_index_template/x", "acknowledged", True),
        ("put", "/es/logs-2026", "acknowledged", True),
        ("get", "/es/app/_refresh", "_shards", None),
    ],
)
def test_what_clients_ask_before_they_send(post: Post, method: str, path: str, key: str | None, value: Any) -> None:
    response = post(path, b"", method=method)
    assert (response.status_code, response["X-Elastic-Product"]) == (200, "Elasticsearch")
    if key:
        assert value is None or response.json()[key] == value
    assert Client().get(path).status_code == 401


def test_the_version_is_as_new_as_the_client(api_key: str) -> None:
    headers = {
        "x-api-key": api_key,
        "user-agent": "Elastic-filebeat/9.2.1",
        "accept": "application/vnd.elasticsearch+json; compatible-with=9",
    }
    response = Client().get("/es/", headers=headers)
    assert response.json()["version"]["number"] == "9.2.1"
    assert response["Content-Type"] == "application/vnd.elasticsearch+json;compatible-with=9"
    assert Client().head("/es/logs", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/es/_search", "/es/logs/_search", "/es/_cat/indices", "/es/_sql"])
def test_it_is_not_a_search_engine(post: Post, path: str) -> None:
    response = post(path, {})
    assert (response.status_code, response.json()["status"]) == (404, 404)
