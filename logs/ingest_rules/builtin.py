"""The patterns of secrets that everybody has, in RE2's syntax: https://github.com/google/re2/wiki/Syntax.

None takes in U+0000, a quote or a backslash, so none reaches out of a message or of a text in JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A kind of secret: `pattern` finds it (the group `secret`, or all of it), `is_one` looks again at what was found.

    `needs` are bytes of which one stands in every text with a match: most batches are done with after that look.
    """

    name: str
    label: str
    example: str
    pattern: str
    needs: tuple[bytes, ...]
    is_one: Callable[[str], bool] = lambda text: True


def is_card_number(text: str) -> bool:
    """Return whether the digits satisfy Luhn's checksum (ISO/IEC 7812-1) and are not all the same."""
    digits = [int(each) for each in text if each in "0123456789"]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def is_ipv6(text: str) -> bool:
    """Return whether it is an address, not a time or a name with colons."""
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return text.count(":") > 2 or "::" in text


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
BUILT_IN = (
    BuiltIn(
        "token",
        "Bearer tokens and passwords",
        "Authorization: Bearer eyJhbGci…, password=hunter2",
        r"(?i)\b(?:bearer|basic)[ \t]+(?P<secret>[a-z0-9._~+/=-]{8,})"
        r"|\b(?:passwd|password|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret)"
        r"[ \t]{0,3}[=:][ \t]{0,3}(?P<value>[^\s\x00'\"\\&,;)]{3,})"
        r"|\b(?P<jwt>eyJ[a-z0-9_-]{6,}\.[a-z0-9_-]{6,}\.[a-z0-9_-]*)",
        (b"earer", b"EARER", b"asic", b"ASIC", b"=", b":", b"eyJ"),
    ),
    BuiltIn(
        "cloud_key",
        "Keys of cloud services",
        "AKIA…, ghp_…, xoxb-…, AIza…, private keys",
        r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}"
        r"|xox[abprs]-[A-Za-z0-9-]{10,255}|AIza[0-9A-Za-z_-]{35}|glpat-[A-Za-z0-9_-]{20,255}"
        r"|[sr]k_live_[0-9A-Za-z]{16,255}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,255}|pol_[0-9a-f]{64})"
        r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
        (b"AKIA", b"ASIA", b"gh", b"xox", b"AIza", b"glpat-", b"k_live_", b"npm_", b"pypi-", b"pol_", b"PRIVATE KEY"),
    ),
    BuiltIn(
        "card",
        "Card numbers",
        "4111 1111 1111 1111 (checked by Luhn)",
        r"\b[2-6][0-9](?:[ -]?[0-9]){11,17}\b",
        tuple(b"23456"[n : n + 1] for n in range(5)),
        is_card_number,
    ),
    BuiltIn(
        "email",
        "E-mail addresses",
        "ada@example.com",
        r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,24}\b",
        (b"@",),
    ),
    BuiltIn(
        "ip",
        "IP addresses",
        "203.0.113.9, 2001:db8::7",
        rf"\b(?P<secret>{_OCTET}(?:\.{_OCTET}){{3}})\b"
        r"|(?:^|[^0-9A-Za-z:.])(?P<six>[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})\b",
        (b".", b":"),
        lambda text: "." in text or is_ipv6(text),
    ),
)
BY_NAME = {each.name: each for each in BUILT_IN}
