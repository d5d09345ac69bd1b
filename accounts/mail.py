"""The mails that accounts send: plain text, in templates/accounts/mail, the first line being the subject.

Whatever might tell by its absence or by the time it takes that an address has an account is sent by the worker.
"""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from accounts.models import Invitation, User
from accounts.queries import user_by_email
from pulseops.core.web.correlation import current_origin

log = logging.getLogger(__name__)
WELCOME, ADDRESS_IS_TAKEN, RESET, NOTICE, INVITATION = "welcome", "address_is_taken", "reset", "notice", "invitation"


def absolute(path: str) -> str:
    """Return the address under which people outside reach `path`."""
    return f"{settings.PUBLIC_URL}{path}"


def send(template: str, *, to: str, **context: Any) -> None:
    """Send one mail now; raises what the mail server's refusal raises."""
    text = render_to_string(f"accounts/mail/{template}.txt", {**context, "site": settings.PUBLIC_URL})
    subject, body = text.split("\n", maxsplit=1)
    send_mail(subject.strip(), body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [to])


def after_commit(template: str, *, to: str, **context: Any) -> None:
    """Let the worker send a mail once the transaction has committed; `context` is stored, so it holds no secret."""
    _enqueue("accounts.tasks.send_mail", template, to, context)


def notice_after_commit(change: str, *, to: str) -> None:
    """Tell somebody by mail of a change to their account: what, when, from where."""
    origin = current_origin()
    at = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
    after_commit(NOTICE, to=to, change=change, at=at, address=origin.address, user_agent=origin.user_agent)


def reset_link_after_commit(email: str) -> None:
    """Let the worker mail a link to the address if it has an account; whoever asked cannot tell."""
    _enqueue("accounts.tasks.send_reset_link", email)


def send_reset_link(email: str) -> bool:
    """Mail a link that sets a new password, valid for PASSWORD_RESET_TIMEOUT seconds; False if nobody may have one."""
    user = user_by_email(email)
    if user is None or not user.is_active:
        return False
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    send(RESET, to=user.email, link=absolute(_reset_path(user)), minutes=minutes)
    return True


def _reset_path(user: User) -> str:
    key = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user.pk.hex, "key": key})


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Mail the link if there is a mail server (EMAIL_URL); tells whether it went out.

    Not by the worker: the queue would keep the token, and whoever invites learns at once whether it went.
    """
    if not settings.EMAIL_URL:
        return False
    try:
        send(INVITATION, to=invitation.email, link=link, invitation=invitation)
    except (OSError, SMTPException):
        log.exception("invitation could not be mailed", extra={"invitation_id": str(invitation.pk)})
        return False
    return True


def _enqueue(task: str, *arguments: Any) -> None:
    transaction.on_commit(lambda: async_task(task, *arguments, save=False), robust=True)
