"""A configuration of each kind of channel that speaks HTTP, for a receiver on loopback."""

from __future__ import annotations

from typing import Any

from accounts.models import Org
from notifications.channels.secrets import encrypted, with_new_secret
from notifications.models import Channel
from notifications.webhook_addresses import with_address

WEBHOOKS = ("discord", "mattermost", "rocketchat", "slack", "teams")
SECRETS = {"pagerduty": "r" * 32, "opsgenie": "0p5g3n1e-key-of-a-test", "telegram": "1234567:" + "t" * 35,
           "ntfy": "tk_secretsecretsecret", "gotify": "A.secretsecretsecret"}  # fmt: skip


def config_of(kind: str, server: str) -> dict[str, Any]:
    """Return a configuration of `kind` whose messages go to `server`, "http://host:port"."""
    webhook = with_address({}, f"{server}/services/T000/B000/secretsecretsecret")
    return {
        **dict.fromkeys(WEBHOOKS, webhook),
        "webhook": with_new_secret(webhook)[0],
        "pagerduty": {"server": server, **encrypted("routing_key", SECRETS["pagerduty"])},
        "opsgenie": {"server": server, **encrypted("api_key", SECRETS["opsgenie"])},
        "telegram": {"server": server, "chat": "-1001", **encrypted("token", SECRETS["telegram"])},
        "ntfy": {"server": server, "topic": "guess-me-not", **encrypted("token", SECRETS["ntfy"])},
        "gotify": {"server": server, **encrypted("token", SECRETS["gotify"])},
    }[kind]


KINDS = sorted([*WEBHOOKS, "webhook", *SECRETS])


def channel_of(kind: str, org: Org, server: str) -> Channel:
    """Make a channel of `kind`."""
    return Channel.objects.create(org=org, type=kind, name=kind, config_json=config_of(kind, server))
