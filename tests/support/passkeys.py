"""An authenticator of Chromium's own, which answers by itself (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

from playwright.sync_api import CDPSession, Page


class VirtualAuthenticator:
    """A device that keeps passkeys, in the browser that shows `page`."""

    def __init__(self, page: Page, *, verifies_user: bool = True) -> None:
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": verifies_user,
            "isUserVerified": verifies_user,
            "automaticPresenceSimulation": True,
        }
        self._id = self._devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def forget_all(self) -> None:
        """Lose every passkey."""
        self._devtools.send("WebAuthn.clearCredentials", {"authenticatorId": self._id})
