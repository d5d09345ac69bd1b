"""Sessions are ended by their owner, who is notified of those from browsers that were never seen before."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts import mail, user_agents
from accounts.audit.record import record_about, record_in
from accounts.models import Session, User
from accounts.queries import orgs_of


def end_session(*, actor: User, session: Session) -> None:
    """Sign `actor` out of one browser."""
    with transaction.atomic():
        meta = {"address": session.address, "user_agent": session.user_agent}
        record_in(orgs_of(actor), actor=actor, action="session.ended", resource=session, meta=meta)
        session.delete()


def end_other_sessions(*, actor: User, keep: Session) -> int:
    """Sign `actor` out everywhere but in the session `keep`; returns how many sessions ended."""
    with transaction.atomic():
        count, _ = Session.objects.filter(user=actor).exclude(pk=keep.pk).delete()
        if count:
            meta = {"count": count}
            record_about(actor, actor=actor, action="session.others_ended", meta=meta)
    return count


def note_new_device(*, user: User, session: Session) -> None:
    """Mark a session from a browser that `user` has not signed in with before, and notify them by mail."""
    Session.objects.filter(pk=session.pk).update(is_new_device=True)
    mail.new_device_after_commit(to=user.email, browser=user_agents.name(session.user_agent))


def end_surplus_sessions(*, user: User, keep: Session) -> None:
    """End those of `user` that were used least lately, where there are more than SESSIONS_PER_USER with `keep`."""
    others = Session.objects.filter(user=user).exclude(pk=keep.pk)
    latest = others.order_by(F("last_seen_at").desc(nulls_last=True), "-created_at")
    Session.objects.filter(pk__in=latest.values("pk")[settings.SESSIONS_PER_USER - 1 :]).delete()
