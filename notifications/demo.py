"""A channel for the demo: it leads nowhere, so it is off."""

from __future__ import annotations

from accounts.models import Org
from notifications.models import Channel

_ADDRESS = "https://hooks.slack.com/services/T00000000/B00000000/this-is-only-a-demo"


def fill(org: Org) -> None:
    """Add a Slack channel that is switched off and shows what one looks like, unless there is one."""
    if not Channel.objects.for_org(org).exists():
        config = {"webhook_url": _ADDRESS}
        Channel.objects.create(org=org, type=Channel.Type.SLACK, name="#on-call", config_json=config, enabled=False)
