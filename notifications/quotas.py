"""How many channels an organisation may have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from accounts.models import Org
from accounts.quotas import Quota, register
from notifications.models import Channel


def _channels(org: Org) -> Sequence[QuerySet[Any]]:
    return (Channel.objects.for_org(org),)


register("channels", Quota("QUOTA_CHANNELS", "channels", _channels))
