"""Outcome -> settlement: the one table, pure. `shared.bus.consumer` carries its verdicts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from shared.bus.delivery import Delivery
from shared.bus.message import Received, Retry
from shared.bus.outcomes import Done, Later, Outcome, Parked, Rejected
from shared.bus.retry import RetryPolicy, extended_history
from shared.events import DocumentRejected, EnvelopeHead, Event, InvalidEvent, Reason, new_event


class Action(StrEnum):
    """What is done with a message in the end; semconv's `messaging.servicebus.disposition_status`.

    `ABANDON` gives it back at once with the broker's delivery count one higher.
    """

    COMPLETE = "complete"
    DEAD_LETTER = "dead_letter"
    ABANDON = "abandon"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where the messages come from, and whether their rejection is announced on the bus."""

    topic: str
    name: str
    announce: bool = False

    @property
    def event_source(self) -> str:
        """CloudEvents source of what is published about these messages."""
        return f"/services/{self.name}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one message: first `events` and `retry` go out, then `action` is taken.

    `reason` belongs to DEAD_LETTER, and `cause` is its description; else `cause` is for the log.
    `error` is what our own code raised.
    """

    action: Action
    cause: str = ""
    reason: Reason | None = None
    events: tuple[Event[Any], ...] = ()
    retry: Retry | None = None
    error: Exception | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the table may look at. `delivery` is None for bytes that are no valid event."""

    source: Subscription
    message: Received
    delivery: Delivery | None
    policy: RetryPolicy
    now: datetime
    head: EnvelopeHead | None = None
    traceparent: str | None = None


def judge(outcome: Outcome, case: Case) -> Verdict:
    """Return the verdict on a message; an answer that is no outcome is our bug, so ABANDON."""
    rule = TABLE.get(type(outcome))
    if rule is None:
        return abandoned(f"the handler answered {type(outcome).__name__}, which is no outcome")
    return rule(outcome, case)


def refused(error: InvalidEvent, case: Case) -> Verdict:
    """Return the verdict on bytes that are no event we accept."""
    return judge(as_rejected(error), case)


def as_rejected(error: InvalidEvent) -> Rejected:
    """Return the outcome that bytes which are no event we accept amount to."""
    return Rejected(error.reason, error.detail)


def abandoned(cause: str, error: Exception | None = None) -> Verdict:
    """Return the verdict of an error of ours: try at once again, the broker counts."""
    return Verdict(Action.ABANDON, cause, error=error)


def _done(outcome: Done, case: Case) -> Verdict:
    facts = (*((outcome.document,) if outcome.document else ()), *outcome.also)
    return Verdict(Action.COMPLETE, events=tuple(_announcement(fact, case) for fact in facts))


def _rejected(outcome: Rejected, case: Case) -> Verdict:
    return Verdict(
        Action.DEAD_LETTER,
        cause=outcome.detail,
        reason=outcome.reason,
        events=(_announcement(rejection(outcome, case), case),) if case.source.announce else (),
    )


def _later(outcome: Later, case: Case) -> Verdict:
    return _again(outcome.cause, outcome.not_before, case)


def _parked(outcome: Parked, case: Case) -> Verdict:
    """Wait like Later, with key and gap in the history.

    A store for parked facts, which releases them the moment the missing one arrives, is a later
    issue; until then attempts-exhausted dead-letters what waited in vain, naming what it missed.
    """
    return _again(f"{outcome.key} waits for {outcome.missing}", None, case)


def _again(cause: str, not_before: datetime | None, case: Case) -> Verdict:
    delivery = case.delivery
    if delivery is None:
        return abandoned(f"bytes that are no event cannot wait: {cause}")
    history = extended_history(case.message.history, delivery.attempt, case.now, cause)
    due = case.policy.next_attempt(delivery.attempt, case.now, not_before)
    if due is None:
        return _rejected(Rejected(Reason.ATTEMPTS_EXHAUSTED, history), case)
    retry = Retry(
        original=case.message,
        event_id=delivery.event.id,
        subscription=case.source.name,
        attempt=delivery.attempt + 1,
        first_seen=delivery.first_seen,
        history=history,
        due=due,
        traceparent=case.traceparent,
    )
    return Verdict(Action.COMPLETE, cause=cause, retry=retry)


def rejection(outcome: Rejected, case: Case) -> DocumentRejected:
    """Return the fact that a message was refused, with as much as could be read of it."""
    event = case.delivery.event if case.delivery else None
    head = case.head or EnvelopeHead()
    return DocumentRejected(
        fact_id=event.id if event else _uuid(head.id),
        fact_type=event.type if event else (head.type or None) and head.type[:128],
        key=getattr(event.data, "key", None) if event else head.key,
        # Without an id the lock token tells two rejections apart.
        message_id=(case.message.message_id or case.message.lock_token)[:256],
        subscription=case.source.name,
        reason=outcome.reason,
        detail=outcome.detail,
        rejected_at=case.now,
    )


def _announcement(fact: Any, case: Case) -> Event[Any]:
    return new_event(
        fact, source=case.source.event_source, time=case.now, traceparent=case.traceparent
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


TABLE: Mapping[type[Any], Callable[[Any, Case], Verdict]] = MappingProxyType(
    {
        Done: _done,  # complete; the document is announced
        Rejected: _rejected,  # dead-letter at once
        Later: _later,  # a delayed copy, then complete; dead-letter when attempts are exhausted
        Parked: _parked,  # as Later
    }
)
