"""Where syslog and GELF are listened for: SYSLOG_LISTENERS, addresses between white space.

    udp://0.0.0.0:5514?key=pol_…&from=192.0.2.0/24  tcp://127.0.0.1:5514?key=pol_…&zone=Europe/Berlin  tls://[::]:6514
    gelf+udp://0.0.0.0:12201?key=pol_…&from=10.0.0.0/8  gelf+tcp://0.0.0.0:12201?key=pol_…

A listener without a key is for senders that say theirs in the structured data of a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, parse_qs, urlsplit
from zoneinfo import ZoneInfo

KINDS = ("udp", "tcp", "tls")
SYSLOG, GELF = "syslog", "gelf"
_GELF_PREFIX = "gelf+"
_KEY = re.compile(r"pol_[0-9a-f]{64}")
_OPTIONS = {"key", "from", "zone"}
Network = IPv4Network | IPv6Network


class ListenerError(ValueError):
    """A listener cannot be used; the text says why, and holds no key."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A port, whose logs what comes there are, from where it may come, and the zone of times that name none."""

    kind: str
    host: str
    port: int
    key: str | None = None
    networks: tuple[Network, ...] = ()
    zone: tzinfo = UTC
    protocol: str = SYSLOG

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        prefix = _GELF_PREFIX if self.protocol == GELF else ""
        return f"{prefix}{self.kind}://{host}:{self.port}"

    def admits(self, address: str) -> bool:
        """Return whether what comes from `address` is listened to."""
        if not self.networks:
            return True
        try:
            peer = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        plain = getattr(peer, "ipv4_mapped", None) or peer
        return any(plain in network for network in self.networks)


def read_listeners(text: str) -> list[Listener]:
    """Read the setting. Raises ListenerError."""
    listeners = [_read(word, number) for number, word in enumerate(text.split(), start=1)]
    places = [(each.kind == "udp", each.host, each.port) for each in listeners]
    if len(set(places)) < len(places):
        raise ListenerError("Two listeners have the same port.")
    return listeners


def _read(word: str, number: int) -> Listener:
    try:
        parts = urlsplit(word)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ListenerError(f"Listener {number} is not an address, such as tcp://127.0.0.1:5514.") from error
    if parts.scheme.removeprefix(_GELF_PREFIX) not in KINDS or not host or not port:
        raise ListenerError(f"Listener {number} is not an address, such as tcp://127.0.0.1:5514.")
    listener = _with_options(parts, host, port, number)
    if listener.kind == "udp" and not (listener.key and listener.networks):
        raise ListenerError(
            f"Listener {number} is for UDP, where any address can be claimed: it needs key= and from=, networks."
        )
    if listener.protocol == GELF and not listener.key:
        raise ListenerError(f"Listener {number} is for GELF, in which no sender can say its key: it needs key=.")
    return listener


def _with_options(parts: SplitResult, host: str, port: int, number: int) -> Listener:
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - _OPTIONS:
        raise ListenerError(f"Listener {number} has the unknown option {min(unknown)[:40]}.")
    key = options.get("key")
    if key is not None and not _KEY.fullmatch(key):
        raise ListenerError(f"Listener {number} has a key that is not an API key.")
    try:
        networks = tuple(ip_network(each, strict=False) for each in options.get("from", "").split(",") if each)
        zone = ZoneInfo(options["zone"]) if "zone" in options else UTC
    except (ValueError, OSError) as error:  # what ZoneInfo raises is a KeyError where there is no such zone
        raise ListenerError(f"Listener {number} has a network or a zone that is none.") from error
    except KeyError as error:
        raise ListenerError(f"Listener {number} has the zone {options['zone'][:40]}, which is none.") from error
    protocol = GELF if parts.scheme.startswith(_GELF_PREFIX) else SYSLOG
    return Listener(parts.scheme.removeprefix(_GELF_PREFIX), host, port, key, networks, zone, protocol)
