"""Whose an address is, where connections are counted by it."""

from __future__ import annotations

import ipaddress


def subscriber_of(address: str) -> str:
    """Return what one subscriber of a provider has: an IPv4 address itself, of an IPv6 address the network of 64 bits.

    Another text than an address is returned as it is.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
