"""Outcome -> settlement: the one table, pure. `shared.bus.consumer` carries its verdicts out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from shared.bus.copies import Retry, lasting_properties
from shared.bus.delivery import Delivery
from shared.bus.message import Received, Stay
from shared.bus.outcomes import Done, Later, Outcome, Parked, Rejected, nameless
from shared.bus.retry import RetryPolicy, extended_history
from shared.bus.topology import BACKFILL_SUFFIX
from shared.events import (
    DocumentRejected,
    Effect,
    EnvelopeHead,
    Event,
    Fact,
    InvalidEvent,
    Reason,
    new_event,
    transaction_of,
)
from shared.store.parking import ParkedFact, ParkedStay


class Action(StrEnum):
    """What is done with a message in the end; semconv's `messaging.servicebus.disposition_status`.

    `ABANDON` gives it back at once with the broker's delivery count one higher.
    """

    COMPLETE = "complete"
    DEAD_LETTER = "dead_letter"
    ABANDON = "abandon"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where the messages come from, and whether their rejection is announced on the bus.

    `effect` is what is missing then of a fact that has several effects.
    """

    topic: str
    name: str
    announce: bool = False
    effect: Effect | None = None

    @property
    def event_source(self) -> str:
        """CloudEvents source of what is published about these messages."""
        return f"/services/{self.name.removesuffix(BACKFILL_SUFFIX)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one message: first `park` is kept and `forget` parked no more, then `events`
    and `retry` go out and what waits under `release` is let go, then `action` is taken.

    `reason` belongs to DEAD_LETTER, and `cause` is its description; else `cause` is for the log.
    `error` is what our own code raised.
    """

    action: Action
    cause: str = ""
    reason: Reason | None = None
    events: tuple[Event[Any], ...] = ()
    retry: Retry | None = None
    park: ParkedFact | None = None
    release: str | None = None
    forget: ParkedStay | None = None
    error: Exception | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the table may look at. `delivery` is None for bytes that are no valid event."""

    source: Subscription
    message: Received
    delivery: Delivery | None
    policy: RetryPolicy
    patience: timedelta
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
    return Verdict(
        Action.COMPLETE,
        events=_announcements(facts, case),
        release=case.message.probes,
        forget=_stay(case),
    )


def _rejected(outcome: Rejected, case: Case) -> Verdict:
    facts = (*outcome.also, *((rejection(outcome, case),) if case.source.announce else ()))
    return Verdict(
        Action.DEAD_LETTER,
        cause=outcome.detail,
        reason=outcome.reason,
        events=_announcements(facts, case),
        forget=_stay(case),
    )


def _stay(case: Case) -> ParkedStay | None:
    """Return where the message was parked before: it stays there until it has come to an end."""
    stay = case.message.parked
    if stay is None or case.delivery is None:
        return None
    return ParkedStay(case.source.name, case.delivery.event.id, stay.times)


def _later(outcome: Later, case: Case) -> Verdict:
    delivery, cause = case.delivery, outcome.cause
    if delivery is None:
        return abandoned(f"bytes that are no event cannot wait: {cause}")
    history = extended_history(case.message.history, delivery.attempt, case.now, cause)
    due = case.policy.next_attempt(
        delivery.attempt, delivery.first_seen, case.now, outcome.not_before
    )
    if due is None:
        exhausted = Reason.ATTEMPTS_EXHAUSTED
        return _rejected(Rejected(exhausted, history, outcome.effect, outcome.also), case)
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
    events = _announcements(outcome.also, case)
    return Verdict(Action.COMPLETE, cause=cause, events=events, retry=retry)


def _parked(outcome: Parked, case: Case) -> Verdict:
    """Put aside; what has waited for this key until its deadline is rejected.

    Waiting uses up no attempts. A fact that was tried in between goes on waiting as it did: longest
    parked, with the deadline it had.
    """
    delivery, message = case.delivery, case.message
    if delivery is None:
        return abandoned(f"bytes that are no event cannot wait: {outcome.missing}")
    stay = message.parked
    before = stay if stay and stay.key == outcome.key else None
    if outcome.key in message.waited_out:
        return _rejected(_waited_out(outcome, case, before), case)
    history = message.history
    if before is None:
        cause = f"parked under {nameless(outcome.key)}: {outcome.missing}"
        history = extended_history(history, delivery.attempt, case.now, cause)
    fact = ParkedFact(
        fact_id=delivery.event.id,
        topic=case.source.topic,
        subscription=case.source.name,
        key=outcome.key,
        missing=outcome.missing,
        body=message.body,
        properties=lasting_properties(message),
        subject=delivery.event.subject,
        attempt=delivery.attempt,
        times=stay.times + 1 if stay else 1,
        history=history,
        first_seen=delivery.first_seen,
        parked_at=before.parked_at if before else case.now,
        deadline=before.deadline if before else case.now + (outcome.patience or case.patience),
        traceparent=case.traceparent,
        releases=stay.releases if stay else 0,
    )
    return Verdict(Action.COMPLETE, events=_announcements(outcome.also, case), park=fact)


def _waited_out(outcome: Parked, case: Case, stay: Stay | None) -> Rejected:
    waited = f" for {_rounded(case.now - stay.parked_at)}" if stay else ""
    # It ends in certificates, which nobody can erase a person from.
    detail = f"waited{waited} for {nameless(outcome.key)} in vain: {outcome.missing}"
    return Rejected(Reason.MASTER_DATA_MISSING, detail, outcome.effect, outcome.also)


def _rounded(span: timedelta) -> timedelta:
    return timedelta(seconds=round(span.total_seconds()))


def rejection(outcome: Rejected, case: Case) -> DocumentRejected:
    """Return the fact that a message was refused, with as much as could be read of it."""
    event = case.delivery.event if case.delivery else None
    head = case.head or EnvelopeHead()
    return DocumentRejected(
        fact_id=event.id if event else _uuid(head.id),
        fact_type=event.type if event else (head.type or None) and head.type[:128],
        key=transaction_of(event.data) if event else head.key,
        # Without an id the lock token tells two rejections apart.
        message_id=(case.message.message_id or case.message.lock_token)[:256],
        subscription=case.source.name,
        effect=outcome.effect or case.source.effect,
        reason=outcome.reason,
        detail=outcome.detail,
        rejected_at=case.now,
    )


def _announcements(facts: Iterable[Fact], case: Case) -> tuple[Event[Any], ...]:
    return tuple(
        new_event(
            fact, source=case.source.event_source, time=case.now, traceparent=case.traceparent
        )
        for fact in facts
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
        Later: _later,  # a delayed copy, then complete; dead-letter when its patience has passed
        Parked: _parked,  # put aside, then complete; dead-letter what has waited in vain
    }
)
