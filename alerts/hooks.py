"""What wakes the rules: a batch with errors, a deployment that ended."""

from __future__ import annotations

import logging
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from pulseops.core.jobs.wakeups import wake_evaluation, wake_evaluation_at_most

log = logging.getLogger(__name__)


def after_ingest(org_id: UUID, has_errors: bool) -> None:
    """Wake the loop for an organisation that has just sent errors, at most once in two seconds.

    The batch is stored and answered whatever becomes of this: rules are evaluated every 30 s anyway.
    """
    if not has_errors:
        return
    try:
        wake_evaluation_at_most(org_id)
    except (DatabaseError, InterfaceError):
        log.warning("the loop could not be woken", exc_info=True)


def after_deployment(org_id: UUID) -> None:
    """Wake the loop when the deployment's transaction commits."""
    wake_evaluation(org_id)
