"""How often someone may try: by account, by network, by browser, never by a spelling or by a name of ours.

An account is counted by its address as the database folds it, whether there is such an account or not, so that no
other spelling has tries of its own and no answer tells which addresses have accounts. Strangers are counted by
account and network, and all together by account; a browser that the owner has signed in with is counted by itself, so
that strangers cannot keep the owner out. The rates stand in settings.ACCOUNT_RATE_LIMITS.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from allauth.core.internal import ratelimit
from django.db import connection
from django.http import HttpRequest

from accounts.device_cookie import read_device
from accounts.queries import user_by_email
from pulseops.core.web.correlation import client_address

_APP = "allauth.account"
_NETWORK_BITS = {4: 24, 6: 48}  # what one customer of a provider commonly gets, and a little more


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was counted, and can be taken back when it proves to be the owner's."""

    _usages: list[ratelimit.RateLimitUsage] = field(default_factory=list)

    def take_back(self) -> None:
        """Count the try no longer."""
        for usage in self._usages:
            usage.rollback()


def count_sign_in(request: HttpRequest, email: str) -> Attempt | None:
    """Count a try to sign in as `email`; None when there were too many failures."""
    account = account_key(email)
    if device := _device_key(request, account, email):
        return _count(request, {"login_failed_device": device})
    return _count(
        request,
        {
            "login_failed_network": _joined(account, network(request)),
            "login_failed_account": account,
            "login_failed_address": None,
        },
    )


def forgive_failures(request: HttpRequest, email: str) -> None:
    """Forget who failed to sign in as `email`; for its owner, who has just proved to be it."""
    account = account_key(email)
    ratelimit.clear(request, app=_APP, action="login_failed_account", key=account)
    ratelimit.clear(request, app=_APP, action="login_failed_network", key=_joined(account, network(request)))


def count_reset(request: HttpRequest, email: str) -> bool:
    """Count a request for a reset link; whether it may be answered at all."""
    key = _joined(account_key(email), network(request))
    return _count(request, {"reset_password": None, "reset_network": key}) is not None


def count_reset_mail(request: HttpRequest, email: str) -> bool:
    """Count a mail with a reset link; whether `email` may get one more, the browsers of its owner by themselves."""
    account = account_key(email)
    if device := _device_key(request, account, email):
        return _count(request, {"reset_device": device}) is not None
    return _count(request, {"reset_account": account}) is not None


def count_failure_row(request: HttpRequest, email: str) -> bool:
    """Count a failure to sign in as `email` that is to be filed; whether it may be: strangers must not fill logs."""
    return _count(request, {"failure_rows": account_key(email)}) is not None


def count_mail_to(email: str) -> bool:
    """Count a mail that someone else brings about, an invitation; whether the address may get one more today."""
    return _count(_nobodys_request(), {"mail_address": account_key(email)}) is not None


def count_confirmation(request: HttpRequest, link: str) -> Attempt | None:
    """Count a password that is tried for the link which proves an address; None when there were too many."""
    return _count(request, {"confirm_address": link})


def count_reply(request: HttpRequest) -> bool:
    """Count an opened or pressed link of a message; whether the network may go on."""
    return ratelimit.consume(request, app=_APP, action="message_link", key=network(request), limit_get=True) is not None


def account_key(email: str) -> str:
    """Return what the account of `email` is counted by: the address as the database folds it when it looks for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT upper(%s)", [email.strip()])
        (folded,) = cursor.fetchone()
    return str(folded)


def network(request: HttpRequest) -> str:
    """Return the network that the request came from, "192.0.2.0/24", "unknown" where a Unix socket tells none."""
    address = client_address(request)
    if address is None:
        return "unknown"
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, _NETWORK_BITS[parsed.version]), strict=False))


def _device_key(request: HttpRequest, account: str, email: str) -> str | None:
    """Return what the owner's own browser is counted by; None for all others."""
    device = read_device(request)
    if device is None:
        return None
    user = user_by_email(email)
    return _joined(account, device.id) if user and device.knows(user) else None


def _count(request: HttpRequest, keys: dict[str, str | None]) -> Attempt | None:
    """Count by all of `keys`, or, where one is used up, by none."""
    attempt = Attempt()
    for action, key in keys.items():
        usage = ratelimit.consume(request, app=_APP, action=action, key=key)
        if usage is None:
            attempt.take_back()
            return None
        attempt._usages.append(usage)
    return attempt


def _nobodys_request() -> HttpRequest:
    request = HttpRequest()
    request.method = "POST"  # what is got is not counted
    return request


def _joined(*parts: str) -> str:
    return "\n".join(parts)
