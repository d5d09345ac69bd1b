"""What an organisation and a person may have: each form says so, nothing exceeds it, also when two ask at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import usage
from accounts.actions.orgs import create_org
from accounts.models import Invitation, Membership, Org, OrgUsage, Role, User
from accounts.quotas import ORGS, QUOTAS, QuotaError
from accounts.quotas import usage as usage_of
from accounts.tasks import trim_usage
from alerts.models import AlertRule
from logs.models import SavedView
from logs.quotas import IngestMeter
from notifications.models import Channel
from pulseops.core.web.json_errors import ApiError
from pulseops.settings import limits
from services.actions import create_service
from services.models import ApiKey, Environment, Service
from tests.support.factories import make_key, make_member, make_org, make_service, make_user
from tests.support.threads import at_once

pytestmark = pytest.mark.usefixtures("one_minute")

RULE = {
    "name": "Errors", "type": "error_count", "level": "error", "threshold": 1, "window_minutes": 5,
    "cooldown_seconds": 300, "severity": "med", "enabled": "on",
}  # fmt: skip
CHANNEL = {"name": "ops", "type": "slack", "webhook_url": "https://hooks.slack.com/services/T/B/x"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "path", "data", "model"),
    [
        ("QUOTA_SERVICES", "/services/new", {"name": "new", "retention_days": 7}, Service),
        ("QUOTA_ENVIRONMENTS", "/services/new", {"name": "new", "retention_days": 7}, Service),
        ("QUOTA_ENVIRONMENTS", "/services/{service}/environments/new", {"name": "qa"}, Environment),
        ("QUOTA_KEYS", "/services/{service}/keys/new", {"environment": "{environment}", "scopes": "logs"}, ApiKey),
        ("QUOTA_RULES", "/alerts/new", RULE, AlertRule),
        ("QUOTA_CHANNELS", "/settings/notifications/new", CHANNEL, Channel),
        ("QUOTA_VIEWS", "/logs/views", {"name": "mine"}, SavedView),
        ("QUOTA_MEMBERS", "/orgs/invitations", {"email": "new@example.org", "role": "viewer"}, Membership),
        ("QUOTA_ORGS", "/orgs", {"name": "Another"}, Org),
    ],
)
def test_the_form_says_which_limit_was_met(
    client_for: Callable[[User], Client], admin: User, org: Org, settings: Any, setting: str, path: str,
    data: dict[str, Any], model: Any,
) -> None:  # fmt: skip
    service = make_service(org, "checkout")
    make_key(service.environments.get(name="production"))
    AlertRule.objects.create(org=org, name="x", type="error_count", params_json={}, severity="med")
    Channel.objects.create(org=org, type="slack", name="x", config_json={})
    SavedView.objects.create(org=org, owner=admin, name="x", params={})
    names = {"service": service.pk, "environment": service.environments.get(name="production").pk}
    setattr(settings, setting, 1)
    before = model.objects.count()
    values = {key: value.format(**names) if isinstance(value, str) else value for key, value in data.items()}
    response = client_for(admin).post(path.format(**names), values, follow=True)
    assert f"({setting})" in response.content.decode()
    assert model.objects.count() == before
    setattr(settings, setting, 0)
    client_for(admin).post(path.format(**names), values)
    if setting != "QUOTA_MEMBERS":
        assert model.objects.count() == before + 1, "0 is no limit"


@pytest.mark.django_db(transaction=True)
def test_the_last_place_is_given_once(settings: Any) -> None:
    settings.QUOTA_SERVICES = 1
    admin = make_user()
    org = make_org(admin=admin)
    outcomes = at_once(*(lambda n=n: create_service(actor=admin, org=org, name=f"s{n}") for n in range(3)))
    assert [each for each in outcomes if each] == [QuotaError] * 2
    assert Service.objects.count() == 1


@pytest.mark.django_db
def test_organisations_of_a_person_are_those_that_they_run(settings: Any) -> None:
    settings.QUOTA_ORGS = 2
    person = make_user()
    for _ in range(3):
        make_member(make_org(), Role.VIEWER, user=person)
    create_org(actor=person, name="One")
    create_org(actor=person, name="Two")
    with pytest.raises(QuotaError, match="A person may have 2 organisations"):
        create_org(actor=person, name="Three")


@pytest.mark.django_db
def test_revoked_keys_count_for_a_day(settings: Any, client_for: Callable[[User], Client], developer: User) -> None:
    settings.QUOTA_KEYS = 2
    service = make_service(developer.memberships.get().org)
    data = {"environment": service.environments.get(name="production").pk, "scopes": "logs"}
    client = client_for(developer)
    for _ in range(3):
        client.post(f"/services/{service.pk}/keys/new", data)
        for key in ApiKey.objects.all():
            client.post(f"/services/{service.pk}/keys/{key.pk}/revoke")
    assert ApiKey.objects.count() == 2


@pytest.mark.django_db
def test_diagnostics_show_use_against_limit(
    client_for: Callable[[User], Client], admin: User, org: Org, settings: Any
) -> None:
    settings.QUOTA_SERVICES = 4
    for _ in range(3):
        make_service(org)
    make_service(make_org(), "elsewhere")
    usage.spend(org.pk, "exports", limit=0, period=usage.DAY, amount=7)
    with CaptureQueriesContext(connection) as queries:
        used = {each.quota.setting: each.used for each in usage_of(org)}
    assert len(queries) == 1, "however many quotas there are"
    assert (used["QUOTA_SERVICES"], used["QUOTA_ENVIRONMENTS"], used["QUOTA_EXPORTS_PER_DAY"]) == (3, 6, 7)
    assert used["QUOTA_MEMBERS"] == 1
    page = client_for(admin).get("/settings/diagnostics").content.decode()
    for quota in QUOTAS.values():
        assert quota.setting in page
    assert "75 %" in page


def test_every_quota_is_a_setting() -> None:
    declared = {name for name in dir(limits) if name.startswith("QUOTA_")}
    assert declared == {quota.setting for quota in QUOTAS.values()} | {ORGS.setting}


# -- Every way to have one more ---------------------------------------------------------------------------------------

COUNTED = {
    "Org", "Membership", "Invitation", "Service", "Environment", "ApiKey", "AlertRule", "Channel", "SavedView",
}  # fmt: skip
MAKE = {"create", "bulk_create", "get_or_create", "update_or_create", "acreate", "abulk_create"}
UNCLAIMED = {
    "accounts/actions/users.py:join_installation": "the organisation that comes with an account is its first",
    "accounts/actions/members.py:ensure_admin": "by whoever runs the machine",
    "accounts/actions/invitations.py:_join": "takes the place of an open invitation, which has counted",
}
APPS = ("accounts", "services", "logs", "deployments", "notifications", "incidents", "alerts", "pulseops")


def makers(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions that make a row of what quotas count."""
    for function in [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]:
        for node in ast.walk(function):
            target = node.func if isinstance(node, ast.Call) else None
            if (
                isinstance(target, ast.Attribute)
                and target.attr in MAKE
                and ast.unparse(target).split(".")[0] in COUNTED
            ):
                yield function
                break


def test_whatever_makes_a_row_that_counts_claims_its_place() -> None:
    root = Path(__file__).parent.parent.parent
    free = set()
    for path in (each for app in APPS for each in (root / app).rglob("*.py")):
        name = str(path.relative_to(root))
        if "/migrations/" in name or "/demo/" in name:
            continue
        source = path.read_text()
        if not any(f"{each}.objects" in source for each in COUNTED):
            continue
        tree = ast.parse(source)
        claiming = {
            each.name
            for each in ast.walk(tree)
            if isinstance(each, ast.FunctionDef) and re.search(r"\bclaim(_org)?\(", ast.unparse(each))
        }
        free |= {f"{name}:{function.name}" for function in makers(tree) if function.name not in claiming}
    assert free == set(UNCLAIMED)


@pytest.mark.django_db
def test_a_new_link_for_an_expired_invitation_claims_a_place(
    client_for: Callable[[User], Client], admin: User, org: Org, settings: Any
) -> None:
    """Else an organisation could keep as many expired ones as it likes, and renew them all."""
    client = client_for(admin)
    for number in range(2):
        client.post("/orgs/invitations", {"email": f"new{number}@example.org", "role": "viewer"})
    first, second = Invitation.objects.order_by("email")
    Invitation.objects.filter(pk=first.pk).update(expires_at=timezone.now())
    settings.QUOTA_MEMBERS = 2
    page = client.post(f"/orgs/invitations/{first.pk}/renew", follow=True).content.decode()
    assert "(QUOTA_MEMBERS)" in page
    assert not Invitation.objects.get(pk=first.pk).is_pending
    client.post(f"/orgs/invitations/{second.pk}/renew")
    assert Invitation.objects.get(pk=second.pk).is_pending, "one that is open has its place"


# -- What is used in a period ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_is_spent_at_once_stays_within_the_limit() -> None:
    org = make_org()
    spent: list[int | None] = []
    at_once(*[lambda: spent.append(usage.spend(org.pk, "exports", limit=3, period=usage.DAY))] * 6)
    assert sorted(filter(None, spent)) == [1, 2, 3]
    assert spent.count(None) == 3
    assert usage.spend(make_org().pk, "exports", limit=3, period=usage.DAY) == 1, "another organisation has its own"


@pytest.mark.django_db
def test_exports_are_refused_beyond_the_days(client_for: Callable[[User], Client], viewer: User, settings: Any) -> None:
    settings.QUOTA_EXPORTS_PER_DAY = 1
    client = client_for(viewer)
    assert client.get("/logs/export").status_code == 200
    refused = client.get("/logs/export")
    assert (refused.status_code, "QUOTA_EXPORTS_PER_DAY" in refused.content.decode()) == (429, True)
    assert int(refused["Retry-After"]) > 0


@pytest.mark.django_db
def test_deployments_are_refused_beyond_the_minutes(client: Client, org: Org, settings: Any) -> None:
    settings.QUOTA_DEPLOYMENTS_PER_MINUTE = 2
    key = make_key(make_service(org).environments.get(name="production"), scopes=["logs", "deployments"])

    def report(sha: str) -> Any:
        body = {"commit_sha": sha * 40, "status": "success"}
        return client.post("/api/v1/deployments", body, "application/json", headers={"x-api-key": key})

    assert [report(sha).status_code for sha in "ab"] == [201, 201]
    refused = report("c")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(refused["Retry-After"]) <= 60


@pytest.mark.django_db
@pytest.mark.parametrize(("setting", "limit"), [("QUOTA_LOGS_PER_DAY", 3), ("QUOTA_BYTES_PER_DAY", 30)])
def test_logs_are_refused_beyond_the_days(
    client: Client, org: Org, settings: Any, monkeypatch: pytest.MonkeyPatch, setting: str, limit: int
) -> None:
    setattr(settings, setting, limit)
    meter = IngestMeter()
    for module in ("pipeline", "commit"):
        monkeypatch.setattr(f"logs.ingest.{module}.ingest_meter", meter)
    key = make_key(make_service(org).environments.get(name="production"))

    def send() -> Any:
        body = {"logs": [{"message": "ten letters"}] * 3}
        return client.post("/api/v1/logs/ingest", body, "application/json", headers={"x-api-key": key})

    assert send().status_code == 200
    refused = send()
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert "a day (UTC)" in refused.json()["error"]["message"]
    assert 0 < int(refused["Retry-After"]) <= 24 * 3600
    amounts = dict(OrgUsage.objects.values_list("kind", "amount"))
    assert amounts["logs"] == 3
    assert amounts["bytes"] > 33, "the body as it came, unpacked"


@pytest.mark.django_db
def test_the_meter_writes_seldom_and_knows_what_others_counted(org: Org, settings: Any) -> None:
    settings.QUOTA_LOGS_PER_DAY = 100
    now = 1000.0
    meter = IngestMeter(now=lambda: now)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(50):
            meter.check(org.pk)
            meter.add(org.pk, logs=1, size=10)
    assert len(queries) == 2, "one statement a kind, for the first batch"
    usage.spend(org.pk, "logs", limit=0, period=usage.DAY, amount=90)  # another process
    now += 6
    meter.add(org.pk, logs=1, size=10)
    with pytest.raises(ApiError, match="100 logs a day"):
        meter.check(org.pk)
    settings.QUOTA_LOGS_PER_DAY = 1000
    meter.check(org.pk)


@pytest.mark.django_db
def test_usage_is_kept_for_a_month(org: Org) -> None:
    usage.spend(org.pk, "logs", limit=0, period=usage.DAY)
    OrgUsage.objects.update(period="2020-01-01T00:00Z")
    usage.spend(org.pk, "logs", limit=0, period=usage.DAY)
    trim_usage()
    assert OrgUsage.objects.count() == 1
