"""From GitHub's words to our three statuses, and how several reports of one deployment become one.

Deliveries come late, twice and in any order, so absorbing a report must not depend on the order. Each report says how
surely it knows the status (`certainty`), and the surest one holds:

====  ==========================================  ======================================================
 0    pending                                     anyone
 1    success                                     a workflow run, or the deployments API
 2    failure                                     the same; of two equal reporters the worse news holds
 3    success                                     a GitHub deployment, which speaks for its environment alone
 4    failure                                     the same
====  ==========================================  ======================================================

So a final status never goes back to pending, and a notification job that fails after the deployment succeeded does not
turn the deployment into a failure.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployments.models import Deployment

Status, Source = Deployment.Status, Deployment.Source

CERTAINTY: dict[tuple[str, str], int] = {
    (Source.RUN, Status.SUCCESS): 1,
    (Source.API, Status.SUCCESS): 1,
    (Source.RUN, Status.FAILURE): 2,
    (Source.API, Status.FAILURE): 2,
    (Source.DEPLOYMENT, Status.SUCCESS): 3,
    (Source.DEPLOYMENT, Status.FAILURE): 4,
}


@dataclass(frozen=True, slots=True)
class State:
    """A status, and the sender's own word for it where that says more."""

    status: Deployment.Status
    outcome: str = ""


PENDING = State(Status.PENDING)

# workflow_run.conclusion, once workflow_run.status is "completed".
RUN_CONCLUSIONS: dict[str, State] = {
    "success": State(Status.SUCCESS),
    "neutral": State(Status.SUCCESS, "neutral"),
    "failure": State(Status.FAILURE),
    "timed_out": State(Status.FAILURE, "timed_out"),
    "startup_failure": State(Status.FAILURE, "startup_failure"),
    "cancelled": State(Status.FAILURE, "cancelled"),
    "skipped": State(Status.FAILURE, "skipped"),
    "stale": State(Status.FAILURE, "stale"),
    "action_required": PENDING,
}

# deployment_status.state; "inactive" is missing: it says that a newer one took over, not how this one went.
DEPLOYMENT_STATES: dict[str, State] = {
    "success": State(Status.SUCCESS),
    "failure": State(Status.FAILURE),
    "error": State(Status.FAILURE, "error"),
    "pending": PENDING,
    "queued": PENDING,
    "waiting": PENDING,
    "in_progress": PENDING,
}

# Whose times hold: the most precise source's.
PRECISION: dict[str, int] = {Source.UNKNOWN: 0, Source.PUSH: 1, Source.RUN: 2, Source.API: 2, Source.DEPLOYMENT: 3}


def certainty(source: str, status: str) -> int:
    """Return how surely `source` knows that a deployment is `status`."""
    return CERTAINTY.get((source, status), 0)
