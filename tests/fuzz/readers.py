"""Who asks: an operator, a viewer, somebody of another organisation, and nobody; and what nobody may send forms to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actions.addresses import hash_token as hash_of_address_link
from accounts.actions.invitations import hash_token
from accounts.models import Invitation, Org, PendingAddress, Role, Session, User
from notifications.addresses import confirmation_token, leaving_token
from notifications.models import Channel
from tests.support.factories import make_member, make_org, make_user
from tests.support.sign_in import signed_in

_OFTEN = 7  # times as often as each of the others asks the operator, who gets furthest
Cookies = Mapping[str, str]


class Readers:
    """Sessions of each kind of reader; `renew` makes others when requests have ended some."""

    def __init__(self, org: Org, root: User) -> None:
        outsider = make_user("fuzz-outsider@pulseops.example")
        make_org("Elsewhere", admin=outsider)
        self._org = org
        self._users = [*[root] * _OFTEN, make_member(org, Role.VIEWER), outsider, None]
        self._cookies: list[Cookies] = []
        self.renew()

    def renew(self) -> None:
        """Sign everybody in anew."""
        sessions: dict[Any, Cookies] = {user: self._session(user) for user in set(self._users)}
        self._cookies = [sessions[user] for user in self._users]

    def client(self, random: Random) -> Client:
        """Return a client of any of them."""
        return self._with(random.choice(self._cookies))

    def operator(self) -> Client:
        """Return a client of the operator."""
        return self._with(self._cookies[0])

    def _session(self, user: User | None) -> Cookies:
        if user is None:
            return {}
        client = signed_in(user)
        if user.memberships.filter(org=self._org).exists():
            Session.objects.filter(user=user).update(active_org=self._org)
        return {name: each.value for name, each in client.cookies.items()}

    @staticmethod
    def _with(cookies: Cookies) -> Client:
        client = Client()
        client.cookies.load(dict(cookies))
        return client


def signed_out_addresses(org: Org) -> Iterator[str]:
    """Yield the pages whose forms anybody can send, each with a link that works."""
    later = timezone.now() + timedelta(days=1)
    Invitation.objects.create(org=org, email="fuzz@example.org", role=Role.VIEWER, token_hash=hash_token("fuzz"))
    for token, user in (("new", None), ("changed", make_user("fuzz-changes@pulseops.example"))):
        PendingAddress.objects.create(
            email=f"{token}@example.org", user=user, org_name="Fuzz", password=make_user().password,
            token_hash=hash_of_address_link(token), expires_at=later,
        )  # fmt: skip
    channel = Channel.objects.create(org=org, type="email", name="fuzz", config_json={"to": ["fuzz@example.org"]})
    for name in ("account_login", "account_signup", "account_reset_password", "landing"):
        yield reverse(name)
    for token in ("new", "changed"):
        yield reverse("accounts:confirm_address", args=[token])
    yield reverse("accounts:invitation", args=["fuzz"])
    yield reverse("notifications:confirm", args=[confirmation_token(channel, "fuzz@example.org")])
    yield reverse("notifications:leave", args=[leaving_token(channel.pk)])
