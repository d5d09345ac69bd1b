"""Which addresses on the internet our own requests may go to.

`ipaddress.is_global` is not enough: on Python 3.11 it lets multicast, IPv4-mapped, NAT64 and 6to4 addresses through,
and each of the last three carries an IPv4 address that may be an inner one. The lists are IANA's special-purpose
registries.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

_INNER_V4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
]
# All IPv6 global unicast that is handed out lies in here, so IPv4-mapped, NAT64, ULA, link-local and multicast are out.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_INNER_V6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
]
# What even a host of the operator's own network never is.
_NEVER = [ipaddress.ip_network(n) for n in ("169.254.0.0/16", "fe80::/10", "0.0.0.0/8", "224.0.0.0/4", "ff00::/8")]


def is_global_unicast(address: Address) -> bool:
    """Return whether `address` is one host on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _INNER_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _INNER_V6)


def is_own_network(address: Address) -> bool:
    """Return whether `address` may be a host that the operator has named: anything but link-local and multicast."""
    plain = getattr(address, "ipv4_mapped", None) or address
    return plain != IPv6Address("::") and not any(plain in n for n in _NEVER if n.version == plain.version)


def resolve(host: str, port: int, timeout: float) -> list[Address]:
    """Return every address of `host`, in the resolver's order; raises OSError when none is known within `timeout` s.

    The system's resolver cannot be interrupted, so it is asked on a thread that is left behind when it is late.
    """
    outcome: list[list[Address] | OSError] = []

    def ask() -> None:
        try:
            outcome.append(_lookup(host, port))
        except (OSError, UnicodeError) as error:
            outcome.append(error if isinstance(error, OSError) else OSError(f"{host!r} is not a host name"))

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(timeout)
    if not outcome:
        raise TimeoutError(f"{host} was not resolved in time")
    if isinstance(outcome[0], OSError):
        raise outcome[0]
    return outcome[0]


def _lookup(host: str, port: int) -> list[Address]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    names = [str(answer[4][0]).split("%", maxsplit=1)[0] for answer in answers]
    return [ipaddress.ip_address(name) for name in dict.fromkeys(names)]
