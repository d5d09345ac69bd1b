"""A real SMTP server for tests, which keeps what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from tests.support.installation import free_port


class MailServer:
    """Keeps what it takes; refuses the recipients in `refused` with their codes, and a message with `answer`."""

    def __init__(self) -> None:
        self.refused: dict[str, int] = {}
        self.answer = "250 OK"
        self.envelopes: list[Envelope] = []

    @property
    def messages(self) -> list[Any]:
        """The mails, parsed."""
        return [message_from_bytes(each.content or b"", policy=policy.default) for each in self.envelopes]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if code := self.refused.get(address):
            return f"{code} no"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.answer


@contextmanager
def mail_server(settings: Settings) -> Iterator[MailServer]:
    """Run one, and let the installation use it."""
    handler = MailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_URL = "smtp://127.0.0.1"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    try:
        yield handler
    finally:
        controller.stop()
