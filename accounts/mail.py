"""The mails that accounts send: plain text, in templates/accounts/mail, the first line being the subject.

Whatever might tell by its absence or by the time it takes that an address has an account is sent by the worker.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, PendingAddress, User
from accounts.queries import user_by_email
from pulseops.core.jobs.queue import enqueue_after_commit
from pulseops.core.web.correlation import current_origin

WELCOME, ADDRESS_IS_TAKEN, CONFIRM, RESET = "welcome", "address_is_taken", "confirm", "reset"
NOTICE, INVITATION, NEW_DEVICE = "notice", "invitation", "new_device"
_LONGEST_NAME = 80  # characters
_LINK = re.compile(r"[:/\\@<>\[\]|]|\.\w|\d{5}|\bwww\b", re.IGNORECASE)


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
    """Notify a user by mail of a change to their account: what, when, from where."""
    origin = current_origin()
    at = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
    after_commit(NOTICE, to=to, change=change, at=at, address=origin.address, user_agent=origin.user_agent)


def new_device_after_commit(*, to: str, browser: str) -> None:
    """Notify a user by mail that they, or someone else, signed in from a browser that was not seen before."""
    at = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
    after_commit(NEW_DEVICE, to=to, at=at, address=current_origin().address, browser=browser)


def reset_link_after_commit(email: str) -> None:
    """Let the worker mail a link to the address if it has an account; anyone who asked cannot tell."""
    _enqueue("accounts.tasks.send_reset_link", email)


def send_reset_link(email: str) -> bool:
    """Mail a link that sets a new password, valid for PASSWORD_RESET_TIMEOUT seconds; False if no one may have one."""
    user = user_by_email(email)
    if user is None or not user.is_active:
        return False
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    send(RESET, to=user.email, link=absolute(_reset_path(user)), minutes=minutes)
    return True


def _reset_path(user: User) -> str:
    key = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user.pk.hex, "key": key})


def invitation_after_commit(invitation: Invitation) -> None:
    """Let the worker make a link and mail it: the queue must not keep a token."""
    _enqueue("accounts.tasks.send_invitation", str(invitation.pk))


def send_invitation(invitation: Invitation, token: str) -> None:
    """Mail an invitation's link; raises what the mail server's refusal raises."""
    inviter = invitation.invited_by.display_name if invitation.invited_by else ""
    send(
        INVITATION,
        to=invitation.email,
        link=absolute(reverse("accounts:invitation", args=[token])),
        inviter=plain_name(inviter, "Someone"),
        org_name=plain_name(invitation.org.name, "an organisation"),
        role=invitation.get_role_display().lower(),
        expires_at=invitation.expires_at,
    )


def address_link_after_commit(pending: PendingAddress) -> None:
    """Let the worker mail a link that proves an address."""
    _enqueue("accounts.tasks.send_address_link", str(pending.pk))


def send_address_link(pending: PendingAddress, token: str) -> None:
    """Mail the link that proves an address; raises what the mail server's refusal raises."""
    link = absolute(reverse("accounts:confirm_address", args=[token]))
    send(CONFIRM, to=pending.email, link=link, is_change=pending.user_id is not None, expires_at=pending.expires_at)


def plain_name(name: str, otherwise: str) -> str:
    """Return a name that people chose as a mail may show it: in one short line, and nothing that becomes a link.

    Mail programs make links of addresses, with a scheme or without. A name that holds one, or what may look like one,
    is left out: a stranger's words must not travel under our name.
    """
    line = " ".join(name.split())
    is_plain = 0 < len(line) <= _LONGEST_NAME and not _LINK.search(unicodedata.normalize("NFKC", line))
    return line if is_plain and line.isprintable() else otherwise


def _enqueue(task: str, *arguments: Any) -> None:
    enqueue_after_commit(task, *arguments)
