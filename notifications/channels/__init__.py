"""The kinds of channels: one module here for each, found by its `CHANNEL_TYPE`.

To add one: a module with a `CHANNEL_TYPE` (base.py says what it has), a migration that widens the CHECK of
`notification_channels.type`, and a section in docs/notifications.md.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from notifications.channels.base import ChannelType


def _registered() -> Mapping[str, ChannelType]:
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    kinds = [module.CHANNEL_TYPE for module in modules if hasattr(module, "CHANNEL_TYPE")]
    return {kind.type: kind for kind in sorted(kinds, key=lambda kind: kind.order)}


CHANNEL_TYPES = _registered()


def channel_type(name: str) -> ChannelType:
    """Return the kind called `name`; raises KeyError if there is none."""
    return CHANNEL_TYPES[name]
