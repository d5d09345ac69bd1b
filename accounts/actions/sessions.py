"""Sessions are ended by their owner."""

from __future__ import annotations

from django.db import transaction

from accounts.audit import record as audit
from accounts.models import Session, User
from accounts.queries import orgs_of


def end_session(*, actor: User, session: Session) -> None:
    """Sign `actor` out of one browser."""
    with transaction.atomic():
        meta = {"address": session.address, "user_agent": session.user_agent}
        audit.record_in(orgs_of(actor), actor=actor, action="session.ended", resource=session, meta=meta)
        session.delete()


def end_other_sessions(*, actor: User, keep: Session) -> int:
    """Sign `actor` out everywhere but in the session `keep`; returns how many sessions ended."""
    with transaction.atomic():
        count, _ = Session.objects.filter(user=actor).exclude(pk=keep.pk).delete()
        if count:
            meta = {"count": count}
            audit.record_about(actor, actor=actor, action="session.others_ended", meta=meta)
    return count
