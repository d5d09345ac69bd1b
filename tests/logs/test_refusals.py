"""What was refused is counted by key and reason, and shown to the one who can fix it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from accounts.models import User
from logs.ingest.refusals import KEPT
from logs.models import IngestRefusal, LogEntry
from logs.tasks import forget_ingest_refusals
from services.models import ApiKey
from tests.logs.conftest import Send

pytestmark = pytest.mark.django_db
LENIENT = {"prefer": "handling=lenient"}


def counted() -> dict[tuple[str, str], int]:
    return {(row.protocol, row.reason): row.count for row in IngestRefusal.objects.all()}


def push(api_key: str, *times: str) -> Any:
    body = json.dumps({"streams": [{"stream": {}, "values": [[at, "line"] for at in times]}]})
    return Client().post("/loki/api/v1/push", body, "application/json", headers={"x-api-key": api_key})


def test_refused_entries_are_counted_by_reason_with_the_first_of_them(send: Send) -> None:
    for _ in range(2):
        send([{"message": "x" * 900}, {"message": ""}, {"message": "a", "timestamp": 1}, {"no": "message"}], **LENIENT)
    assert counted() == {
        ("json", "message must not be empty"): 2,
        ("json", "timestamp is older than the 7 days that this service keeps"): 2,
        ("json", "message is required"): 2,
    }
    assert IngestRefusal.objects.get(reason="message is required").sample == '{"no": "message"}'


def test_no_sample_is_longer_than_five_hundred_characters(send: Send) -> None:
    send([{"message": 1, "é": "é" * 5_000}], **LENIENT)
    assert len(IngestRefusal.objects.get().sample) == 500


def test_a_sender_cannot_make_reasons_of_its_own(send: Send) -> None:
    send([{"message": "a", f"field {n}": 10**500} for n in range(50)], **LENIENT)
    assert len(counted()) == 1


def test_a_request_that_is_refused_as_a_whole_counts_as_one(send: Send) -> None:
    send(b"not json")
    send([{"message": ""}] * 5)
    assert set(counted().values()) == {1}
    assert "logs[0].message must not be empty" in IngestRefusal.objects.get(reason__contains="entry that").sample


def test_unknown_keys_and_good_batches_count_nothing(send: Send) -> None:
    send([{"message": "a"}])
    send(b"not json", x_api_key="pol_unknown")
    assert counted() == {}


def test_other_protocols_count_too(api_key: str) -> None:
    assert push(api_key, "1000000000000000000", "0").status_code == 204
    assert counted() == {("loki", "older than this service keeps logs"): 1}
    assert LogEntry.objects.count() == 1


def test_the_services_page_shows_them_first_while_they_are_fresh(
    client_for: Callable[[User], Client], viewer: User, send: Send, outsider: User
) -> None:
    send([{"message": ""}], **LENIENT)
    key = ApiKey.objects.get()
    page = client_for(viewer).get(f"/services/{key.service_id}").content.decode()
    assert "1 log refused today:" in page
    assert '; first: <code class="small">{&quot;message&quot;: &quot;&quot;}' in page
    assert "message must not be empty" in page
    send([{"message": "a", "timestamp": 1}], **LENIENT)
    page = client_for(viewer).get(f"/services/{key.service_id}").content.decode()
    assert "2 logs refused today.</strong> The newest:" in page
    IngestRefusal.objects.update(last_at=timezone.now() - timedelta(hours=2))
    page = client_for(viewer).get(f"/services/{key.service_id}").content.decode()
    assert "refused today" not in page
    assert "Refused logs" in page
    assert client_for(outsider).get(f"/services/{key.service_id}").status_code == 404


def test_every_page_of_those_who_can_act_has_a_banner_while_they_are_fresh(
    client_for: Callable[[User], Client], developer: User, admin: User, viewer: User, api_key: str
) -> None:
    push(api_key, *["1000000000000000000"] * 3)
    key = ApiKey.objects.get()
    for page in ("/logs", "/services"):
        for user in (developer, admin):
            text = client_for(user).get(page).content.decode()
            assert "3 logs of api refused today." in text
            assert "older than the 7 days that api keeps; first: line" in text
            assert f"/services/{key.service_id}#refused" in text
    assert "refused today" not in client_for(viewer).get("/logs").content.decode()
    for user in (viewer, developer):  # to everybody, and once
        assert client_for(user).get("/dashboard").content.decode().count("3 logs of api refused today.") == 1
    IngestRefusal.objects.update(last_at=timezone.now() - timedelta(hours=2))
    caches["process"].clear()
    assert "refused today" not in client_for(developer).get("/logs").content.decode()


def test_the_page_that_waits_for_the_first_log_says_what_was_refused(
    client_for: Callable[[User], Client], viewer: User, send: Send
) -> None:
    key, client = ApiKey.objects.get(), client_for(viewer)
    url = f"/services/{key.service_id}/keys/{key.pk}/arrival"
    assert client.get(url).status_code == 204
    send(b"<script>")
    page = client.get(url).content.decode()
    assert "Waiting for the first log" in page
    assert "in a request that could not be read" in page
    assert "<script>" not in page
    send([{"message": "a"}])
    assert "First log received" in client.get(url).content.decode()


def test_it_says_by_what_a_refused_request_came(
    api_key: str, client_for: Callable[[User], Client], viewer: User
) -> None:
    headers = {"authorization": f"ApiKey {api_key}", "user-agent": "Elastic-filebeat/8.17.1 (linux)"}
    assert Client().post("/es/_bulk", b"nothing", "text/plain", headers=headers).status_code == 400
    key, client = ApiKey.objects.get(), client_for(viewer)
    for url in (f"/services/{key.service_id}/keys/{key.pk}/arrival", f"/services/{key.service_id}"):
        assert "by Filebeat 8.17.1 (Elasticsearch bulk)" in client.get(url).content.decode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scopes": ["deployments"]}, "This API key may send deployments only, not logs."),
        ({"networks": ["192.0.2.0/24"]}, "This API key may not be used from 127.0.0.1"),
        ({"expires_at": timezone.now()}, "This API key has expired."),
    ],
)
def test_a_genuine_key_that_may_not_do_it_is_noted_once_in_a_while(
    api_key: str, change: dict[str, Any], reason: str
) -> None:
    ApiKey.objects.update(**change)
    for _ in range(3):
        assert push(api_key, "0").status_code == 403
    row = IngestRefusal.objects.get()
    assert (row.count, row.reason) == (1, "the key does not allow it")
    assert row.sample.startswith(reason)


def test_revoked_keys_and_unknown_ones_leave_nothing(api_key: str) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())
    assert push(api_key, "0").status_code == 403
    assert push("pol_unknown", "0").status_code == 403
    assert counted() == {}


def test_traces_are_noted_for_the_user_who_waits_for_logs(
    api_key: str, client_for: Callable[[User], Client], viewer: User
) -> None:
    headers = {"x-api-key": api_key, "user-agent": "OTel-OTLP-Exporter-Python/1.45.2"}
    for key in (api_key, "pol_unknown", ""):
        for _ in range(2):
            answer = Client().post("/v1/traces", b"", "application/x-protobuf", headers={**headers, "x-api-key": key})
            assert answer.status_code == 404
    assert counted() == {("otlp", "traces are not kept, only logs"): 1}
    row = ApiKey.objects.get()
    page = client_for(viewer).get(f"/services/{row.service_id}/keys/{row.pk}/arrival").content.decode()
    assert "by OpenTelemetry SDK for Python 1.45.2" in page
    assert "OTEL_TRACES_EXPORTER=none" in page


def test_they_are_forgotten_after_seven_days(send: Send) -> None:
    send(b"not json")
    forget_ingest_refusals()
    assert len(counted()) == 1
    IngestRefusal.objects.update(last_at=timezone.now() - KEPT)
    forget_ingest_refusals()
    assert counted() == {}


def test_they_go_with_their_key(send: Send) -> None:
    send(b"not json")
    ApiKey.objects.all().delete()
    assert counted() == {}
