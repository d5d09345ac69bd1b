"""How allauth meets our accounts."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter


class AccountAdapter(DefaultAccountAdapter):
    """allauth's account flows on our own users."""


class MfaAdapter(DefaultMFAAdapter):
    """allauth's second factor on our own users."""
