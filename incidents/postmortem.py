"""The post-mortem of an incident: fields that several people write, and no one's words are lost unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from django.db import transaction

from accounts.models import User
from incidents.models import Incident
from incidents.record import POSTMORTEM, copy_row, locked_row, note_change


class ChangedMeanwhileError(Exception):
    """Someone else has written there since the writer looked; nothing was saved."""


def postmortem_digests(incident: Incident) -> list[str]:
    """Return a digest of each field of the post-mortem, by which is known what someone has seen of it."""
    fields = (f"{name} {getattr(incident, name) or ''}" for name in POSTMORTEM)
    return [hashlib.sha256(each.encode()).hexdigest()[:16] for each in fields]


@transaction.atomic
def write_postmortem(*, actor: User | None, incident: Incident, seen: Sequence[str], texts: Mapping[str, str]) -> bool:
    """Set the fields of POSTMORTEM to `texts`; returns whether that changed anything.

    `seen` is `postmortem_digests` of what the writer saw of them. Raises ChangedMeanwhileError, with the row in
    `incident` as it is now, where a field that they change says something else by now: no one's words are lost unseen.
    """
    locked = locked_row(incident)
    changed = [name for name in POSTMORTEM if (getattr(locked, name) or "") != texts[name]]
    now = dict(zip(POSTMORTEM, postmortem_digests(locked), strict=True))
    if any(now[name] not in seen for name in changed):
        copy_row(locked, incident)
        raise ChangedMeanwhileError
    if not changed:
        return False
    for name in changed:
        setattr(locked, name, texts[name])
    locked.save(update_fields=changed)
    words = f"Changed the {' and the '.join(POSTMORTEM[name] for name in changed)}."
    note_change(locked, actor, "postmortem", words, meta={"changed": changed})
    copy_row(locked, incident)
    return True
