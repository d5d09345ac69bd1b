"""An organisation's rules for what comes in: from their page to the disk, by whom, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import AuditLog, User
from logs.ingest_rules.counts import trim_counts, write_counts
from logs.ingest_rules.rules import IngestRules, KeepRule
from logs.models import LogEntry, RuleCount
from services.actions import change_ingest_rules
from services.models import Environment
from tests.logs.conftest import Send

ClientFor = Callable[[User], Client]


@pytest.mark.django_db
def test_from_the_page_to_the_disk(send: Send, environment: Environment, admin: User, client_for: ClientFor) -> None:
    service, client = environment.service, client_for(admin)
    assert send([{"message": "ada@example.com before"}]).status_code == 200
    path = f"/services/{service.pk}/ingest-rules"
    form = {"built_in": ["email"], "own": "customer = cus_[0-9]+", "level_0": "debug", "text_0": "", "one_in_0": "10"}
    page = client.post(path, {**form, "preview": "1"})
    assert "[redacted email] before" in page.text
    service.refresh_from_db()
    assert service.ingest_rules == {}
    assert client.post(path, form).status_code == 302
    logs = [{"level": "debug", "message": f"step {n}"} for n in range(20)]
    logs.append({"message": "cus_12 wrote", "meta": {"to": "bob@example.com"}})
    assert send(logs).json() == {"data": {"accepted": 21}}
    kept = LogEntry.objects.exclude(message__endswith="before")
    assert kept.filter(level="debug").count() == 2
    log = kept.get(level="info")
    assert (log.message, log.meta_json) == ("[redacted customer] wrote", {"to": "[redacted email]"})
    write_counts()
    assert dict(RuleCount.objects.values_list("rule", "count")) == {
        "email": 1,
        "customer": 1,
        "debug: 1 in 10 kept": 18,
    }
    assert "18 dropped" in client.get(path).text
    assert "18 dropped" in client.get(f"/services/{service.pk}").text
    assert AuditLog.objects.get(action="service.ingest_rules_changed").meta_json["rules"]["built_in"] == ["email"]
    assert trim_counts() == 0


@pytest.mark.django_db
def test_new_rules_hold_from_the_next_batch_on(send: Send, environment: Environment, admin: User) -> None:
    for rules, after in (
        ({"built_in": ["email"]}, "[redacted email]"),
        ({}, "a@b.example"),
        ({"built_in": ["ip"]}, "a@b.example"),
    ):
        change_ingest_rules(actor=admin, service=environment.service, rules=rules)
        assert send([{"message": "a@b.example"}]).status_code == 200
        assert LogEntry.objects.latest("id").message == after


@pytest.mark.django_db
def test_a_batch_of_which_nothing_is_kept_is_accepted(send: Send, environment: Environment, admin: User) -> None:
    rules = IngestRules(keep=(KeepRule("", "healthz", 0),)).to_json()
    change_ingest_rules(actor=admin, service=environment.service, rules=rules)
    assert send([{"message": "GET /healthz"}] * 3).json() == {"data": {"accepted": 3}}
    assert not LogEntry.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"own": "nonsense"}, "write a name"),
        ({"own": "x = ("}, "RE2 cannot read it"),
        ({"own": "x = a*"}, "matches an empty text"),
        ({"own": "x = [ab]*a[ab]{250}c"}, "RE2 would take 257 steps"),
        ({"own": "\n".join(f"p{n} = a" for n in range(11))}, "10 patterns at most"),
        ({"one_in_0": "0"}, "this would meet every log"),
        ({"built_in": "nonsense"}, "not one of the available choices"),
        ({"level_0": "loud", "one_in_0": "2"}, "not one of the available choices"),
    ],
)
def test_bad_rules_are_refused_with_a_reason(
    environment: Environment, admin: User, client_for: ClientFor, values: dict[str, str], said: str
) -> None:
    page = client_for(admin).post(f"/services/{environment.service_id}/ingest-rules", values)
    assert page.status_code == 422
    assert said in page.text


@pytest.mark.django_db
def test_they_are_for_developers(
    environment: Environment, viewer: User, developer: User, client_for: ClientFor
) -> None:
    path = f"/services/{environment.service_id}/ingest-rules"
    assert client_for(viewer).get(path).status_code == 403
    assert client_for(developer).get(path).status_code == 200
