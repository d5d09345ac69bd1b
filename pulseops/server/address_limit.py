"""How many connections one address may have to this process."""

from __future__ import annotations

import ipaddress
from collections import Counter
from functools import lru_cache
from typing import Any

from pulseops.core.networks import subscriber_of
from pulseops.server.options import TRUSTED_PROXIES, WEB_CONNECTIONS_PER_ADDRESS


class AddressLimit:
    """Counts connections by address. A proxy of ours, here or elsewhere, has those of all its clients: it may."""

    def __init__(self, limit: int = WEB_CONNECTIONS_PER_ADDRESS, proxies: int = TRUSTED_PROXIES) -> None:
        self._limit = 0 if proxies else limit
        self._counts: Counter[str] = Counter()

    def admit(self, address: str) -> bool:
        """Count a connection, if that is not one too many."""
        key = _network(address)
        if not self._limit or key is None:
            return True
        if self._counts[key] >= self._limit:
            return False
        self._counts[key] += 1
        return True

    def leave(self, address: str) -> None:
        """Count a connection no more that was admitted."""
        key = _network(address)
        if not self._limit or key is None:
            return
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]


@lru_cache(maxsize=1_000)
def _network(address: str) -> str | None:
    """Return whose address it is: an IPv4's own, an IPv6's network of 64 bits; None for this machine's."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a Unix socket has none
        return None
    return None if (getattr(ip, "ipv4_mapped", None) or ip).is_loopback else subscriber_of(address)


def address_of(client: Any) -> str:
    """Return the address of a socket's peer, "" for one without (a socket in the file system)."""
    return str(client[0]) if isinstance(client, tuple) else ""
