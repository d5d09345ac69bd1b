"""The addresses in the configuration of a channel for e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def addresses(config: Any) -> list[str]:
    """Return the addresses of a channel."""
    return _texts(config, "to")


def confirmed_addresses(config: Any) -> list[str]:
    """Return those that have agreed to get mail."""
    agreed = {each.casefold() for each in _texts(config, "confirmed")}
    return [each for each in addresses(config) if each.casefold() in agreed]


def _texts(config: Any, name: str) -> list[str]:
    values = config.get(name) if isinstance(config, Mapping) else None
    return [each for each in values if isinstance(each, str)] if isinstance(values, list) else []
