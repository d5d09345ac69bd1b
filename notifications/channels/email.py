"""E-mail to many addresses: one message by the installation's mail server (EMAIL_URL).

No one is mailed who has not agreed: an address that is not a member's is asked once and counts when its link was opened
(notifications/addresses.py). Headers: RFC 2369 and 8058 (List-Unsubscribe), RFC 3834 (Auto-Submitted), RFC 5322.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from hashlib import sha256
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.urls import reverse

from notifications.addresses import confirm_or_ask, leaving_token
from notifications.channels.base import ChannelForm, FormClass, PermanentError, Sent, TransientError
from notifications.channels.recipients import addresses, confirmed_addresses
from notifications.messages import LISTED, Notice, plain_text, rest_of

MOST_ADDRESSES = 20  # of one channel
_SUBJECT = 160  # characters
_SEPARATORS = re.compile(r"[\s,;]+")


class EmailForm(ChannelForm):
    """The addresses, one a line."""

    to = forms.CharField(
        label="Addresses",
        max_length=6_000,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text=f"One per line, {MOST_ADDRESSES} at most. Who is not a member of the organisation gets a mail that "
        "asks first.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_new:
            self.initial.setdefault("to", "\n".join(addresses(self.current)))

    def clean_to(self) -> list[str]:
        """Return the addresses, each once; refuse what is none."""
        given = [each for each in _SEPARATORS.split(self.cleaned_data["to"]) if each]
        if len(given) > MOST_ADDRESSES:
            raise forms.ValidationError(f"A channel has {MOST_ADDRESSES} addresses at most.")
        for address in given:
            try:
                validate_email(address)
            except ValidationError as error:
                raise forms.ValidationError(f"“{address[:100]}” is not an e-mail address.") from error
        return list({address.casefold(): address for address in reversed(given)}.values())[::-1]

    def config(self) -> dict[str, Any] | None:
        """Return the configuration with these addresses; who has agreed and is still there need not agree again."""
        to = self.cleaned_data["to"]
        if to == addresses(self.current):
            return None
        kept = {address.casefold() for address in to}
        confirmed = [each for each in confirmed_addresses(self.current) if each.casefold() in kept]
        return {**self.current, "to": to, "confirmed": confirmed}


class EmailType:
    """Mail through the installation's own server."""

    type = "email"
    label = "E-mail"
    description = "One mail to each address, from this installation's mail server."
    order = 3
    form_class: FormClass = EmailForm
    batch = 500
    has_secret = False
    threads = False  # by its headers, without a receipt
    inbound = None

    def problem(self) -> str:
        """Return what lacks where no mail server is configured."""
        return "" if settings.EMAIL_URL else "This installation has no mail server: the operator sets EMAIL_URL."

    def receiver(self, config: Any) -> str:
        """Return the same for all: they share one mail server."""
        return "e-mail"

    def masked(self, config: Any) -> str:
        """Return the first address and how many there are; addresses that have not agreed are counted apart."""
        to, agreed = addresses(config), len(confirmed_addresses(config))
        first = f"{to[0]} and {len(to) - 1} more" if len(to) > 1 else "".join(to)
        return first if agreed == len(to) else f"{first} ({len(to) - agreed} not confirmed yet)"

    def saved(self, actor: Any, channel: Any) -> None:
        """Ask those who have not agreed yet. Raises ConfigError."""
        confirm_or_ask(actor, channel)

    def send(self, channel: Any, notices: Sequence[Notice], message_id: str, thread: str = "") -> Sent:
        """Mail all who have agreed, in one message. Raises as ChannelType.send does."""
        recipients = _still_waiting(confirmed_addresses(channel.config_json), notices[0])
        if problem := self.problem():
            raise PermanentError(problem)
        if not recipients:
            raise PermanentError("None of the addresses has been confirmed yet.")
        refused = _hand_over(_message(recipients, notices, message_id, channel))
        later = tuple(address for address, (code, _) in refused.items() if not _is_final(code))
        return Sent(_refusals(refused), left=later)


def _still_waiting(confirmed: list[str], notice: Notice) -> list[str]:
    """Return those that do not have the message; one that is sent for the first time names none."""
    return [each for each in confirmed if each in notice.recipients] if notice.recipients else confirmed


def _message(
    recipients: Sequence[str], notices: Sequence[Notice], message_id: str, channel: Any
) -> EmailMultiAlternatives:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "pulseops.invalid"
    about = sha256(notices[0].path.partition("?")[0].encode()).hexdigest()[:32]
    stop = f"{settings.PUBLIC_URL}{reverse('notifications:leave', args=[leaving_token(channel.pk)])}"
    headers = {
        "Message-ID": f"<{message_id}@{domain}>",
        "References": f"<incident-{about}@{domain}>",  # so that mails about one incident stand together
        "List-Unsubscribe": f"<{stop}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    context = {"notices": notices[:LISTED], "rest": rest_of(notices, LISTED), "stop": stop, "channel": channel}
    text = render_to_string("notifications/mail/message.txt", context)
    mail = EmailMultiAlternatives(
        _subject(notices), text, settings.DEFAULT_FROM_EMAIL, list(recipients), headers=headers
    )
    mail.attach_alternative(render_to_string("notifications/mail/message.html", context), "text/html")
    return mail


def _subject(notices: Sequence[Notice]) -> str:
    line = " ".join(plain_text(notices).split())
    return line if len(line) <= _SUBJECT else line[: _SUBJECT - 1] + "…"


def _hand_over(mail: EmailMultiAlternatives) -> Mapping[str, tuple[int, bytes]]:
    """Hand the mail to the server; returns the recipients that it refused while it took others."""
    try:
        with get_connection(timeout=settings.NOTIFICATION_TIMEOUT_SECONDS) as connection:
            smtp = getattr(connection, "connection", None)
            if not isinstance(smtp, smtplib.SMTP):  # a backend that writes files, say
                connection.send_messages([mail])
                return {}
            sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
            return smtp.sendmail(sender, mail.recipients(), _as_sent(mail))
    except smtplib.SMTPRecipientsRefused as error:
        raise _judged(max(code for code, _ in error.recipients.values()), "all recipients") from error
    except smtplib.SMTPAuthenticationError as error:
        raise TransientError("The mail server refused our name and password; the operator sets EMAIL_URL.") from error
    except smtplib.SMTPResponseException as error:
        raise _judged(error.smtp_code, "the message") from error
    except (OSError, smtplib.SMTPException) as error:
        raise TransientError(_unreachable(error), is_unreachable=True) from error


def _unreachable(error: Exception) -> str:
    """Say why there was no answer; the error's own text is not for readers."""
    if isinstance(error, ssl.SSLError):
        return "The certificate of the mail server was not accepted; the operator sets EMAIL_URL."
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):  # smtplib wraps it
        return f"The mail server did not answer within {settings.NOTIFICATION_TIMEOUT_SECONDS:g} seconds."
    if isinstance(error, ConnectionRefusedError):
        return "The mail server refused the connection; the operator sets EMAIL_URL."
    return f"The mail server ended the connection ({type(error).__name__})."


def _as_sent(mail: EmailMultiAlternatives) -> bytes:
    return mail.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # Django's message takes it


def _judged(code: int, what: str) -> TransientError | PermanentError:
    reason = f"The mail server refused {what} ({code})."
    return PermanentError(reason) if _is_final(code) else TransientError(reason)


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _refusals(refused: Mapping[str, tuple[int, bytes]]) -> str:
    named = ", ".join(f"{address} ({code})" for address, (code, _) in refused.items())
    return f"The mail server refused {named}; the others were sent." if refused else ""


CHANNEL_TYPE = EmailType()
