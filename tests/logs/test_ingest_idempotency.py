"""`Idempotency-Key`: the same key within 24 hours stores nothing again and gives the first answer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from logs.ingest import pipeline
from logs.models import IngestReceipt, LogEntry
from logs.tasks import forget_ingest_receipts
from services.models import ApiKey, Environment, RateBucket
from tests.logs.conftest import Send
from tests.support.factories import make_key

pytestmark = pytest.mark.usefixtures("one_minute")

HELLO = {"logs": [{"message": "hello"}]}


@pytest.mark.django_db
class TestRepeating:
    def test_stores_nothing_again(self, send: Send) -> None:
        first, second = send(HELLO, idempotency_key="a"), send(HELLO, idempotency_key="a")
        assert (
            (second.status_code, second.json()) == (first.status_code, first.json()) == (200, {"data": {"accepted": 1}})
        )
        assert "Idempotency-Replayed" not in first
        assert second["Idempotency-Replayed"] == "true"
        assert LogEntry.objects.count() == RateBucket.objects.get().count == 1

    @pytest.mark.parametrize("body", [[{"message": "x"}] * 3, [{"message": ""}], b"not json"])
    def test_gives_the_first_answer_whatever_the_body_says_now(self, send: Send, body: object) -> None:
        send([{"message": "a"}, 1], idempotency_key="a", prefer="handling=lenient")
        again = send(body, idempotency_key="a").json()
        assert again["data"] == {"accepted": 1, "rejected": 1}
        assert again["details"] == [{"path": "logs[1]", "message": "must be an object"}]
        assert LogEntry.objects.count() == 1

    def test_another_key_stores_again(self, send: Send, environment: Environment) -> None:
        send(HELLO, idempotency_key="a")
        send(HELLO, idempotency_key="b")
        send(HELLO, idempotency_key="a", x_api_key=make_key(environment))
        assert LogEntry.objects.count() == 3

    def test_a_refused_batch_is_not_remembered(self, send: Send) -> None:
        assert send([{"message": ""}], idempotency_key="a").status_code == 400
        assert send(HELLO, idempotency_key="a").status_code == 200

    def test_the_first_answer_comes_before_the_rate(self, send: Send) -> None:
        ApiKey.objects.update(rate_per_minute=1)
        send(HELLO, idempotency_key="a")
        assert send(HELLO, idempotency_key="b").status_code == 429
        assert send(HELLO, idempotency_key="a").status_code == 200

    def test_a_revoked_key_reveals_nothing(self, send: Send) -> None:
        send(HELLO, idempotency_key="a")
        ApiKey.objects.update(revoked_at=timezone.now())
        assert send(HELLO, idempotency_key="a").status_code == 403

    def test_after_24_hours_it_stores_again(self, send: Send) -> None:
        send(HELLO, idempotency_key="a")
        IngestReceipt.objects.update(created_at=timezone.now() - timedelta(hours=24))
        assert "Idempotency-Replayed" not in send(HELLO, idempotency_key="a")
        assert send(HELLO, idempotency_key="a")["Idempotency-Replayed"] == "true"
        assert LogEntry.objects.count() == 2

    @pytest.mark.parametrize("key", ["", "k" * 129, "a\tb"])
    def test_a_key_has_1_to_128_characters(self, send: Send, key: str) -> None:
        assert send(HELLO, idempotency_key=key).json()["error"]["code"] == "BAD_REQUEST"
        assert not LogEntry.objects.exists()

    def test_the_longest_key(self, send: Send) -> None:
        assert send(HELLO, idempotency_key="k" * 128).status_code == 200

    def test_old_answers_are_forgotten(self, send: Send) -> None:
        send(HELLO, idempotency_key="old")
        IngestReceipt.objects.update(created_at=timezone.now() - timedelta(hours=25))
        send(HELLO, idempotency_key="new")
        assert forget_ingest_receipts() == {"deleted": 1}
        assert IngestReceipt.objects.get().idempotency_key == "new"


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_the_same_time_stores_once(send: Send) -> None:
    def post(_: int) -> tuple[int, object]:
        try:
            response = send(HELLO, idempotency_key="a")
            return response.status_code, response.json()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(24)))
    assert answers == [(200, {"data": {"accepted": 1}})] * 24
    assert LogEntry.objects.count() == RateBucket.objects.get().count == 1


@pytest.mark.django_db(transaction=True)
def test_a_rate_holds_however_many_send_at_once(send: Send) -> None:
    ApiKey.objects.update(rate_per_minute=50)

    def post(_: int) -> int:
        try:
            return int(send([{"message": "a"}] * 4).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(40)))
    windows = list(RateBucket.objects.values_list("count", flat=True))
    assert set(answers) == {200, 429}
    assert sum(windows) == LogEntry.objects.count() == 4 * answers.count(200)
    assert max(windows) == 48


CUT = """
    CREATE FUNCTION cut() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON log_counts DEFERRABLE INITIALLY {} FOR EACH ROW EXECUTE FUNCTION cut()
"""


@contextmanager
def connection_that_ends(when: str) -> Iterator[None]:
    """The server ends its connection DEFERRED, as logs are committed, or IMMEDIATE, before."""
    with connection.cursor() as cursor:
        cursor.execute(CUT.format(when))
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION cut CASCADE")


@pytest.mark.plain_database("puts a trigger on logs")
@pytest.mark.django_db(transaction=True)
class TestWhenTheConnectionEnds:
    @pytest.mark.parametrize("count", [1, 100])  # by one statement, and by COPY in a transaction
    def test_at_the_commit_the_answer_says_that_the_batch_may_be_stored(self, send: Send, count: int) -> None:
        with connection_that_ends("DEFERRED"):
            response = send([{"message": "x"}] * count)
        assert response.status_code == 503
        assert response.json()["error"]["stored"] == "unknown"
        assert "may have been stored" in response.json()["error"]["message"]
        assert response["Retry-After"]

    def test_before_it_is_known_not_to_be(self, send: Send) -> None:
        with connection_that_ends("IMMEDIATE"):
            response = send([{"message": "x"}] * 100)
        assert response.status_code == 503
        assert "stored" not in response.json()["error"]

    def test_other_protocols_say_so_in_their_words(self, environment: Environment) -> None:
        batch = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]}
        key = make_key(environment)
        with connection_that_ends("DEFERRED"):
            response = Client().post("/v1/logs", batch, "application/json", headers={"x-api-key": key})
        assert response.status_code == 503
        assert "may have been stored" in response.json()["message"]


@pytest.mark.django_db
def test_a_batch_is_acknowledged_though_it_cannot_be_counted(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.ingest_meter, "add", None)
    assert send(HELLO).status_code == 200
    assert LogEntry.objects.count() == 1
