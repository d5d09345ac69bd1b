"""Another SECRET_KEY: what the old one encrypted and derived goes on to work; or it is said why it does not."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from django.core import checks
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditLog, Org, User
from deployments import actions as deployments
from deployments.actions import Connection
from deployments.github.signatures import SecretState, derive_secret, is_signed_by, secret_state
from deployments.models import GitHubIntegration
from notifications.actions import create_channel
from notifications.delivery import deliver_due
from notifications.models import Channel
from notifications.webhook_addresses import with_address
from pulseops.core.secret_check import foreign_secrets, remember_secrets, stored_values
from pulseops.pages.banners import banners_for
from tests.deployments.github import sign
from tests.support.alerting import tell
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db
URL = "https://hooks.slack.com/services/T012345/B012345/abcdefghijklmnop"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def _noted(settings: Any) -> None:
    remember_secrets()
    caches["process"].clear()


@pytest.fixture
def channel(org: Org, admin: User) -> Channel:
    return create_channel(actor=admin, org=org, type="slack", name="ops", config=with_address({}, URL))


@pytest.fixture
def integration(org: Org, admin: User) -> GitHubIntegration:
    service = make_service(org, "checkout")
    connection = Connection("acme", "checkout", {}, {}, [])
    return deployments.connect_repository(actor=admin, service=service, connection=connection)


@pytest.fixture
def totp(admin: User) -> TOTP:
    RecoveryCodes.activate(admin)
    return TOTP.activate(admin, TOTP_SECRET)


def is_readable(admin: User, channel: Channel) -> bool:
    channel.refresh_from_db()
    totp = TOTP(Authenticator.objects.get(user=admin, type=Authenticator.Type.TOTP))
    codes = RecoveryCodes(Authenticator.objects.get(user=admin, type=Authenticator.Type.RECOVERY_CODES))
    return (
        channel.webhook_url == URL
        and decrypt(totp.instance.data["secret"]) == TOTP_SECRET
        and bool(codes.generate_codes())
    )


def reencrypt(*options: str) -> str:
    out = io.StringIO()
    call_command("reencrypt_secrets", *options, stdout=out)
    return out.getvalue()


def test_the_address_stands_nowhere_in_plain_text(channel: Channel) -> None:
    channel.refresh_from_db()
    assert "abcdefgh" not in json.dumps(channel.config_json)
    assert (channel.webhook_url, channel.masked) == (URL, "hooks.slack.com/…mnop")


def test_a_former_key_goes_on_until_all_is_taken_over(
    settings: Any, admin: User, channel: Channel, totp: TOTP, integration: GitHubIntegration
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert is_readable(admin, channel)
    assert secret_state(integration) is SecretState.OWN
    assert foreign_secrets(stored_values()) == []
    said = reencrypt()
    assert "2 second factors encrypted anew" in said
    assert "1 addresses of channels encrypted anew" in said
    assert "acme/checkout (checkout)" in said
    deployments.rotate_secret(actor=admin, integration=integration)
    assert "Nothing needs SECRET_KEY_FALLBACKS" in reencrypt()
    settings.SECRET_KEY_FALLBACKS = []
    integration.refresh_from_db()
    assert is_readable(admin, channel)
    assert secret_state(integration) is SecretState.OWN
    assert foreign_secrets(stored_values()) == []


def test_an_address_of_other_software_is_read_and_taken_over(org: Org) -> None:
    channel = Channel.objects.create(org=org, type="slack", config_json={"webhook_url": URL, "note": "kept"})
    assert channel.webhook_url == URL
    reencrypt()
    channel.refresh_from_db()
    assert channel.webhook_url == URL
    assert channel.config_json.keys() == {"note", "webhook_url_encrypted", "webhook_host"}


def test_other_secrets_are_reported(settings: Any, org: Org, admin: User, channel: Channel, totp: TOTP) -> None:
    assert not banners_named(org)
    assert not warnings()
    settings.SECRET_KEY, settings.API_KEY_SALT = "lost", "lost as well"
    caches["process"].clear()
    assert foreign_secrets(stored_values()) == ["SECRET_KEY", "API_KEY_SALT"]
    assert [each.id for each in warnings()] == ["pulseops.W024"] * 2
    [banner] = banners_named(org)
    assert "Every API key is answered 403." in banner.text
    assert "GitHub's webhooks are answered 401" in banner.text
    admin.is_superuser = True
    admin.save()
    client = Client()
    client.force_login(admin)
    assert "reencrypt_secrets --accept" in client.get("/settings/diagnostics").content.decode()
    with pytest.raises(CommandError, match="SECRET_KEY is not the one"):
        reencrypt()
    assert "2 second factors" not in reencrypt("--accept")
    assert not warnings()


def test_messages_wait_for_the_key_that_can_read_their_channel(settings: Any, org: Org, channel: Channel) -> None:
    [job] = tell(org)
    settings.SECRET_KEY = "lost"
    [delivered] = deliver_due(5)
    assert "The address cannot be decrypted" in delivered.error
    job.refresh_from_db()
    assert job.status == "pending"
    channel.refresh_from_db()
    assert channel.masked == "hooks.slack.com/…"


def banners_named(org: Org) -> list[Any]:
    return [each for each in banners_for(org) if each.title == "The secrets are not this database's."]


def warnings() -> list[Any]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [each for each in found if each.id == "pulseops.W024"]


def test_webhooks_of_a_former_key_say_so_until_they_have_a_new_secret(
    integration: GitHubIntegration, client_for: Any, admin: User, settings: Any
) -> None:
    page = f"/services/{integration.service_id}/github"
    body = b"{}"
    signature = sign(body, derive_secret(integration))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert is_signed_by(integration, body, signature), "GitHub signs with the old secret still"
    assert "comes from a former server key" in client_for(admin).get(page).content.decode()
    said = reencrypt()
    assert "GitHub's secret for acme/checkout (checkout) is of a former SECRET_KEY" in said
    assert "SECRET_KEY_FALLBACKS holds that key" in said
    row = AuditLog.objects.for_org(integration.service.org).get(action="github_integration.secret_outdated")
    assert (row.resource_id, row.actor_user) == (str(integration.pk), None)
    now = deployments.rotate_secret(actor=admin, integration=integration)
    assert not is_signed_by(now, body, signature)
    assert is_signed_by(now, body, sign(body, derive_secret(now)))
    assert "comes from a former server key" not in client_for(admin).get(page).content.decode()
    assert "Nothing needs SECRET_KEY_FALLBACKS" in reencrypt()
