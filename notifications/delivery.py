"""The deliverer: claims messages, sends them on a few threads, writes down how each ended.

Only the thread that owns it talks to the database; the others do nothing but HTTP. So a receiver that hangs costs a
thread for ten seconds, and no one else anything: no receiver that does not answer gets more than one thread.
"""

from __future__ import annotations

import logging
import queue
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from notifications import claims, outcomes
from notifications.channels.base import PermanentError, RateLimitedError, Sent, TransientError
from notifications.claims import Claim
from notifications.models import Job
from notifications.replies import notice_of

log = logging.getLogger(__name__)
SLOTS = 16  # messages on their way at once
_SILENT_AFTER = 2  # unanswered messages in a row before a receiver is given one thread only

_RESULTS: dict[type, str] = {Sent: "sent", RateLimitedError: "limited", TransientError: "retried"}
Outcome = Exception | Sent
Ended = tuple[UUID, str]  # a job, and the reason why it was not sent


@dataclass(frozen=True, slots=True)
class Delivered:
    """How one job ended this time; `error` is empty when it was sent."""

    id: str
    status: str
    error: str = ""


class Deliverer:
    """Delivers what is due. Not for use from several threads."""

    def __init__(self, slots: int = SLOTS) -> None:
        self._slots = slots
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="deliver")
        self._finished: queue.SimpleQueue[tuple[Claim, Outcome, float]] = queue.SimpleQueue()
        self._receivers: Counter[str] = Counter()  # on their way, by receiver
        self._unanswered: Counter[str] = Counter()  # in a row, by receiver

    @property
    def in_flight(self) -> int:
        """How many messages are on their way."""
        return self._receivers.total()

    def step(self) -> list[Ended] | None:
        """Write down what has ended and start what is due; None when there was nothing to do."""
        done = self._collect()
        started = self._start()
        return done if done or started else None

    def wait(self, seconds: float) -> list[Ended]:
        """Wait until a message on its way has ended, and write it down; empty after `seconds`."""
        try:
            finished = self._finished.get(timeout=seconds)
        except queue.Empty:
            return []
        return self._record(*finished)

    def drain(self, seconds: float) -> list[Ended]:
        """Start nothing more; wait at most `seconds` for what is on its way."""
        done: list[Ended] = []
        deadline = time.monotonic() + seconds
        while self.in_flight and time.monotonic() < deadline:
            done += self.wait(deadline - time.monotonic())
        return done

    def close(self) -> None:
        """Let the threads go; what is still on its way ends by its lease."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _collect(self) -> list[Ended]:
        done: list[Ended] = []
        while not self._finished.empty():
            done += self._record(*self._finished.get())
        return done

    def _start(self) -> int:
        started = 0
        while self.in_flight < self._slots:
            avoid = [who for who, count in self._unanswered.items() if count >= _SILENT_AFTER and self._receivers[who]]
            claim = claims.claim_message(avoid)
            if claim is None:
                break
            self._receivers[claim.channel.receiver] += 1
            self._threads.submit(self._send, claim)
            started += 1
        return started

    def _send(self, claim: Claim) -> None:
        """On a thread: no database here."""
        outcome: Outcome
        began = time.monotonic()
        try:
            notices = [notice_of(job) for job in claim.jobs]
            outcome = claim.channel.kind.send(claim.channel, notices, claim.message_id, claim.thread)
        except Exception as error:  # whatever it is, it is written down, and the loop goes on
            outcome = error
        self._finished.put((claim, outcome, time.monotonic() - began))

    def _record(self, claim: Claim, outcome: Outcome, seconds: float) -> list[Ended]:
        receiver = claim.channel.receiver
        self._receivers[receiver] -= 1
        silent = isinstance(outcome, TransientError) and outcome.is_unreachable
        self._unanswered[receiver] = self._unanswered[receiver] + 1 if silent else 0
        with transaction.atomic():
            reason = record_outcome(claim, outcome)
            remark = outcome.remark if isinstance(outcome, Sent) else reason
            result = "retried" if isinstance(outcome, Sent) and outcome.left else _RESULTS.get(type(outcome), "failed")
            outcomes.record_attempt(claim, result, remark, seconds)
        log.log(
            logging.WARNING if reason else logging.INFO,
            "message was not delivered" if reason else "message delivered",
            extra={
                "channel": str(claim.channel.pk),
                "message_id": claim.message_id,
                "jobs": len(claim.jobs),
                "reason": reason,
                "correlation_ids": sorted({_correlation(job) for job in claim.jobs} - {""}),
            },
        )
        return [(job.pk, reason) for job in claim.jobs]


def _delivered(ended: Sequence[Ended]) -> list[Delivered]:
    states = dict(Job.objects.filter(pk__in={pk for pk, _ in ended}).values_list("pk", "status"))
    return [Delivered(str(pk), states.get(pk, "dropped"), reason) for pk, reason in ended]


def record_outcome(claim: Claim, outcome: Outcome) -> str:
    """Write down how sending `claim` ended; returns the reason when it did not go out."""
    match outcome:
        case Sent() if outcome.left:
            outcomes.record_partly(claim, outcome)
            return outcome.remark
        case Sent():
            outcomes.record_sent(claim, outcome)
            return ""
        case RateLimitedError():
            outcomes.record_rate_limited(claim, outcome.reason, outcome.retry_after)
            return outcome.reason
        case TransientError():
            outcomes.record_transient(claim, outcome.reason)
            return outcome.reason
        case PermanentError():
            outcomes.record_permanent(claim, outcome.reason)
            return outcome.reason
    log.error("a message could not be built", exc_info=outcome, extra={"message_id": claim.message_id})
    reason = f"The message could not be sent: {type(outcome).__name__}."
    outcomes.record_transient(claim, reason)
    return reason


def deliver_due(seconds: float, *, keep_going: Callable[[], bool] = lambda: True) -> list[Delivered]:
    """Deliver until nothing is due, starting nothing after `seconds`; returns how each job ended."""
    outcomes.fail_abandoned()
    deliverer = Deliverer()
    done: list[Ended] = []
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and keep_going():
            step = deliverer.step()
            done += step or []
            if step is None:
                if not deliverer.in_flight:
                    break
                done += deliverer.wait(0.5)
        done += deliverer.drain(15)
    finally:
        deliverer.close()
    return _delivered(done)


def _correlation(job: Job) -> str:
    payload = job.payload_json if isinstance(job.payload_json, dict) else {}
    return str(payload.get("correlation_id") or "")
