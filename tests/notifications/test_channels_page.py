"""Settings: notifications, as admins see and use it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import AuditLog, Org, User
from notifications.channels.secrets import secret_in
from notifications.models import Channel, Job
from tests.support.alerting import make_channel, tell

pytestmark = pytest.mark.django_db
ADDRESS = "/settings/notifications"
SECRET = "https://hooks.slack.com/services/T012345/B012345/abcdefghijklmnop"
ClientFor = Callable[[User], Client]


@pytest.fixture
def client(admin: User, client_for: ClientFor) -> Client:
    return client_for(admin)


def test_it_is_for_admins(developer: User, viewer: User, client_for: ClientFor) -> None:
    for user in (developer, viewer):
        assert client_for(user).get(ADDRESS).status_code == 403
        assert client_for(user).post(f"{ADDRESS}/new").status_code == 403


def test_with_nothing_it_says_what_to_do(client: Client) -> None:
    page = client.get(ADDRESS).content.decode()
    assert "No channel yet" in page
    assert f'href="{ADDRESS}/new"' in page


def test_adding_a_channel(client: Client, org: Org) -> None:
    answer = client.post(f"{ADDRESS}/new", {"type": "slack", "name": "#on-call", "webhook_url": SECRET}, follow=True)
    page = answer.content.decode()
    assert "#on-call" in page
    assert "hooks.slack.com/…mnop" in page
    assert "abcdefgh" not in page
    assert Channel.objects.for_org(org).get().webhook_url == SECRET
    assert AuditLog.objects.for_org(org).get(action="channel.created")


@pytest.mark.parametrize(
    ("kind", "url", "said"),
    [
        ("slack", "http://hooks.slack.com/x", "must start with https"),
        ("slack", "https://169.254.169.254/latest", "not a host that messages may go to"),
        ("slack", "https://[::ffff:127.0.0.1]/x", "not a host that messages may go to"),
        ("slack", "https://evil.example/x", "not a host that messages may go to"),
        ("slack", "https://hooks.slack.com@evil.example/x", "user name or password"),
        ("slack", "https://discord.com/api/webhooks/1/x", "address of Discord"),
        ("discord", SECRET, "address of Slack"),
        ("slack", "", "required"),
        ("slack", "not an address", "web address"),
        ("carrier pigeon", SECRET, "not one of the available choices"),
    ],
)
def test_bad_addresses_are_refused_with_a_reason(client: Client, kind: str, url: str, said: str) -> None:
    answer = client.post(f"{ADDRESS}/new", {"type": kind, "name": "x", "webhook_url": url})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Channel.objects.count() == 0


def test_a_host_of_the_operators_choice_is_allowed(client: Client, settings: Settings) -> None:
    settings.NOTIFICATION_HOSTS = ["chat.example.com"]
    values = {"type": "slack", "name": "x", "webhook_url": "https://chat.example.com/hooks/x"}
    assert client.post(f"{ADDRESS}/new", values).status_code == 302


def test_editing_keeps_the_address_unless_a_new_one_is_given(client: Client, org: Org) -> None:
    channel = make_channel(org, SECRET, failures=3, last_error="x")
    assert "abcdefgh" not in client.get(f"{ADDRESS}/{channel.pk}").content.decode()
    client.post(f"{ADDRESS}/{channel.pk}", {"name": "new name", "webhook_url": ""})
    channel.refresh_from_db()
    assert (channel.name, channel.webhook_url, channel.failures) == ("new name", SECRET, 3)
    client.post(f"{ADDRESS}/{channel.pk}", {"name": "new name", "webhook_url": SECRET + "2"})
    channel.refresh_from_db()
    assert (channel.webhook_url, channel.failures) == (SECRET + "2", 0)


@pytest.mark.parametrize("end", ["<!--", "</p><script>", '"><b>', "<!--><!["])
def test_markup_in_an_address_is_text(client: Client, org: Org, end: str) -> None:
    """At e4c1cee the end of an address that was `<!--` took the form's button away."""
    channel = make_channel(org, SECRET + end)
    for address in (ADDRESS, f"{ADDRESS}/{channel.pk}"):
        page = client.get(address).content.decode()
        assert end not in page
    assert escape(end)[-4:] in page


def test_a_test_goes_into_the_outbox(client: Client, org: Org, admin: User) -> None:
    channel = make_channel(org, SECRET)
    page = client.post(f"{ADDRESS}/{channel.pk}/test", follow=True).content.decode()
    assert "is on its way" in page
    assert 'data-refresh="2"' in page
    assert Job.objects.get().type == "channel.test"
    channel.enabled = False
    channel.save()
    client.post(f"{ADDRESS}/{channel.pk}/test")
    assert Job.objects.count() == 1


def test_switching_and_deleting(client: Client, org: Org) -> None:
    channel = make_channel(org, SECRET)
    client.post(f"{ADDRESS}/{channel.pk}/switch", {"enabled": "false"})
    channel.refresh_from_db()
    assert not channel.enabled
    client.post(f"{ADDRESS}/{channel.pk}/delete")
    assert Channel.objects.count() == 0


def test_the_outbox_by_state_page_by_page(client: Client, org: Org) -> None:
    make_channel(org, SECRET)
    for number in range(30):
        tell(org, f"message {number:02}", about=number)
    Job.objects.filter(subject_id__lt=3).update(status="failed", last_error="The receiver answered 404")
    first = client.get(f"{ADDRESS}?state=waiting")
    assert "message 29" in first.content.decode()
    assert "message 03" not in first.content.decode()
    second = client.get(first.context["older_url"]).content.decode()
    assert "message 03" in second
    assert "message 02" not in second
    assert "The receiver answered 404" in client.get(f"{ADDRESS}?state=failed").content.decode()
    fragment = client.get(f"{ADDRESS}?state=failed", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    for odd in ("state=x", "before=x", "before=2026-01-01T00:00:00Z_x", "before=_", "before=%00"):
        assert client.get(f"{ADDRESS}?{odd}").status_code == 200


def test_retry_and_drop(client: Client, org: Org) -> None:
    make_channel(org, SECRET)
    (job,) = tell(org)
    Job.objects.update(status="failed", attempts=5)
    client.post(f"{ADDRESS}/messages/{job.pk}/retry")
    job.refresh_from_db()
    assert (job.status, job.attempts) == ("pending", 0)
    assert "cannot be sent" in client.post(f"{ADDRESS}/messages/{job.pk}/retry", follow=True).content.decode()
    client.post(f"{ADDRESS}/messages/{job.pk}/drop")
    assert Job.objects.count() == 0


def test_a_message_leads_to_what_it_is_about(client: Client, org: Org) -> None:
    make_channel(org, SECRET)
    tell(org, "Errors in api")
    page = client.get(ADDRESS).content.decode()
    assert '<a class="row-link" href="/incidents/1" title="Errors in api">' in page
    assert "Incident opened" in page
    Job.objects.update(payload_json=["odd"], type="thing.done")
    page = client.get(ADDRESS).content.decode()
    assert "thing done" in page
    Job.objects.update(payload_json={"title": "x", "path": "//evil.example"})
    assert "evil.example" not in client.get(ADDRESS).content.decode()


def test_titles_are_escaped_and_queries_do_not_grow(
    client: Client, org: Org, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10):
        make_channel(org, SECRET, name=f"<script>{number}")
        tell(org, "<script>alert(1)</script>", about=number)
    with django_assert_max_num_queries(12):
        page = client.get(ADDRESS).content.decode()
    assert "<script>alert" not in page
    assert "<script>1" not in page


def test_a_signing_secret_is_shown_once_and_rotates(client: Client, org: Org) -> None:
    values = {"type": "webhook", "name": "ops", "webhook_url": "https://ops.example.com/hook"}
    page = client.post(f"{ADDRESS}/new", values, follow=True)
    channel = Channel.objects.for_org(org).get()
    secret = secret_in(channel.config_json, "secret")
    assert secret in page.text
    edit = f"{ADDRESS}/{channel.pk}"
    assert secret not in client.get(edit).text
    assert secret not in str(channel.config_json)
    page = client.post(f"{edit}/secret", follow=True)
    channel.refresh_from_db()
    assert secret_in(channel.config_json, "secret") in page.text
    assert secret_in(channel.config_json, "previous_secret") == secret
    assert AuditLog.objects.for_org(org).filter(action="channel.secret_rotated").count() == 1
    slack = make_channel(org, SECRET)
    assert client.post(f"{ADDRESS}/{slack.pk}/secret").status_code == 404


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("pagerduty", {"routing_key": "short", "server": "https://events.pagerduty.com"}, "32 letters and digits"),
        ("pagerduty", {"routing_key": "r" * 32, "server": "https://evil.example"}, "Select a valid choice"),
        ("telegram", {"token": "not a token", "chat": "1"}, "not the token of a bot"),
        ("telegram", {"token": "1:" + "t" * 35, "chat": "../x"}, "A number, or @"),
        ("ntfy", {"server": "http://ntfy.sh", "topic": "x"}, "must start with https"),
        ("ntfy", {"server": "https://ntfy.sh", "topic": "a/b"}, "Letters, digits"),
        ("gotify", {"server": "https://a:b@gotify.example", "token": "x"}, "user name or password"),
        ("teams", {"webhook_url": "https://evil.example/x"}, "not a host that messages may go to"),
        ("teams", {"webhook_url": "https://logic.azure.com.evil.example/x"}, "not a host that messages may go to"),
    ],
)
def test_bad_settings_of_kinds_are_refused(client: Client, kind: str, given: dict[str, str], said: str) -> None:
    answer = client.post(f"{ADDRESS}/new", {"type": kind, "name": "x", **given})
    assert answer.status_code == 422
    assert said in answer.text
    assert not Channel.objects.exists()


def test_secrets_of_kinds_are_kept_and_never_shown(client: Client, org: Org) -> None:
    values = {"type": "gotify", "name": "phones", "server": "https://gotify.example", "token": "A.secretsecretsecret"}
    client.post(f"{ADDRESS}/new", values)
    channel = Channel.objects.for_org(org).get()
    assert (channel.receiver, secret_in(channel.config_json, "token")) == ("gotify.example", "A.secretsecretsecret")
    edit = f"{ADDRESS}/{channel.pk}"
    page = client.get(edit).text
    assert "secretsecret" not in page
    assert "ends with cret" in page
    client.post(edit, {"name": "phones", "server": "https://push.example", "token": ""})
    channel.refresh_from_db()
    assert (channel.receiver, secret_in(channel.config_json, "token")) == ("push.example", "A.secretsecretsecret")


def test_an_operator_may_keep_receivers_to_a_list(client: Client, settings: Settings) -> None:
    settings.NOTIFICATION_ANY_HOST = False
    values = {"type": "webhook", "name": "ops", "webhook_url": "https://ops.example.com/hook"}
    assert "NOTIFICATION_HOSTS" in client.post(f"{ADDRESS}/new", values).text
    settings.NOTIFICATION_HOSTS = ["ops.example.com"]
    assert client.post(f"{ADDRESS}/new", values).status_code == 302
