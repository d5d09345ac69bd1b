"""The patterns of secrets that everybody has, in RE2's syntax: https://github.com/google/re2/wiki/Syntax.

None takes in U+0000, a quote or a backslash, so none reaches out of a message or of a text in JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from logs.ingest_rules.finders import Finder, card_numbers, email_addresses, ip_addresses, matches


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A kind of secret: `pattern` matches every text that holds one, `find` says where they are.

    `is_number` says that a number of JSON can be one, outside of its texts; `is_address` that finding it costs no more
    than looking whether there is one.
    """

    name: str
    label: str
    example: str
    pattern: str
    find: Finder
    is_number: bool = False
    is_address: bool = False

    @property
    def words(self) -> bytes:
        """What stands in its place."""
        return f"[redacted {self.name.replace('_', ' ')}]".encode()


_BEARER = (
    r"(?i)\b(?:bearer|basic)[ \t]+[a-z0-9._~+/=-]{8,}"
    r"|\b(?:passwd|password|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret)"
    r"[ \t]{0,3}[=:][ \t]{0,3}[^\s\x00'\"\\&,;)]{3,}"
    r"|\beyJ[a-z0-9_-]{6,}\.[a-z0-9_-]{6,}\.[a-z0-9_-]*"
)
_BEFORE_BEARER = re.compile(rb"(?i)(?:bearer|basic)[ \t]+|[^=: \t]{1,20}+[ \t]{0,3}[=:][ \t]{0,3}")
_CLOUD_KEY = (
    r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,255}|AIza[0-9A-Za-z_-]{35}|glpat-[A-Za-z0-9_-]{20,255}"
    r"|[sr]k_live_[0-9A-Za-z]{16,255}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,255}|pol_[0-9a-f]{64})"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_CARD = r"\b[2-6][0-9](?:[ -]?[0-9]){11,17}\b"
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,24}\b"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IP = rf"\b{_OCTET}(?:\.{_OCTET}){{3}}\b|::[0-9A-Fa-f]|(?:[0-9A-Fa-f]{{1,4}}:){{6}}[0-9A-Fa-f]"
BUILT_IN = (
    BuiltIn(
        "token",
        "Bearer tokens and passwords",
        "Authorization: Bearer eyJhbGci…, password=hunter2",
        _BEARER,
        matches(_BEARER, _BEFORE_BEARER),
    ),
    BuiltIn(
        "cloud_key",
        "Keys of cloud services",
        "AKIA…, ghp_…, xoxb-…, AIza…, private keys",
        _CLOUD_KEY,
        matches(_CLOUD_KEY),
    ),
    BuiltIn(
        "card",
        "Card numbers",
        "4111 1111 1111 1111 (checked by Luhn)",
        _CARD,
        card_numbers,
        is_number=True,
    ),
    BuiltIn("email", "E-mail addresses", "ada@example.com", _EMAIL, email_addresses, is_address=True),
    BuiltIn("ip", "IP addresses", "203.0.113.9, 2001:db8::7", _IP, ip_addresses, is_address=True),
)
BY_NAME = {each.name: each for each in BUILT_IN}
