"""From received messages to settled ones: decode, call the handler, publish, settle.

The order is what makes a crash harmless: whatever an outcome publishes (announcements, delayed
copies) is confirmed by the bus before its message is settled, so a crash in between repeats the
message, which posting survives because it is idempotent, and never loses it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, use_span

from shared.bus.delivery import Delivery, Handler, InvalidNote
from shared.bus.message import Received
from shared.bus.publisher import Publisher, PublishFailed
from shared.bus.retry import RetryPolicy
from shared.bus.settlement import Rejection, Settlement, Unsettled
from shared.bus.verdicts import (
    Action,
    Case,
    Subscription,
    Verdict,
    abandoned,
    as_rejected,
    judge,
    refused,
    rejection,
)
from shared.clock import Clock
from shared.events import DocumentPosted, InvalidEvent, Reason, decode
from shared.telemetry import (
    FAILED,
    POSTED,
    REJECTED,
    RETRIED,
    SALE_TO_LEDGER,
    SUBJECT,
    mark_failed,
    process_spans,
    traceparent_of,
)

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

_log = logging.getLogger("tillbus.bus")

MAX_ALONE_AT_ONCE = 8
"""How many deliveries of a failed batch are tried alone side by side."""


class SettlementFailed(Exception):
    """Some messages could not be settled; they will be delivered again."""

    def __init__(self, unsettled: Sequence[Unsettled]) -> None:
        self.unsettled = tuple(unsettled)
        first = self.unsettled[0]
        super().__init__(
            f"{len(unsettled)} not settled, first {first.message.message_id}: {first.error}"
        )


@dataclass(frozen=True, slots=True)
class _Item:
    """One message on its way, with the span open for it."""

    case: Case
    span: Span

    @property
    def message(self) -> Received:
        return self.case.message


async def consume(
    messages: Sequence[Received],
    settlement: Settlement,
    handler: Handler,
    *,
    source: Subscription,
    publisher: Publisher,
    retry_policy: RetryPolicy,
    clock: Clock,
    invocation: str | None = None,
    note_invalid: InvalidNote | None = None,
) -> None:
    """Take every message to its end; return when each is settled.

    A handler that raises on several deliveries is called again with each alone; the one that
    raises alone is abandoned and its neighbours are not touched. What cannot be published is
    abandoned rather than settled as done. `invocation` is the host's traceparent.
    `note_invalid` is for a subscription beside the one that owns a topic's dead letters: what is no
    valid event is told to it and completed, instead of being dead-lettered a second time.
    Raises SettlementFailed after settling whatever could be settled.
    """
    with process_spans(source.topic, source.name, messages, invocation=invocation) as spans:
        now = clock()
        invalid: list[tuple[_Item, InvalidEvent]] = []
        valid: list[_Item] = []
        for message, span in zip(messages, spans, strict=True):
            case = Case(source, message, None, retry_policy, now, traceparent=_trace(span, message))
            try:
                delivery = _delivery(case)
                span.set_attribute(SUBJECT, delivery.event.subject)
                valid.append(_Item(replace(case, delivery=delivery), span))
            except InvalidEvent as error:
                invalid.append((_Item(replace(case, head=error.envelope), span), error))
        verdicts = await _refused(invalid, note_invalid)
        verdicts += await _handled(valid, handler, clock)
        verdicts = await _published(verdicts, publisher, source.topic)
        unsettled = await _settled(verdicts, settlement)
        lost = {each.message.lock_token for each in unsettled}
        for item, verdict in verdicts:
            if item.message.lock_token not in lost:
                _record(item, verdict)
        for each in unsettled:
            _log.warning("Message %s was not settled: %s", each.message.message_id, each.error)
    if unsettled:
        raise SettlementFailed(unsettled)


def _trace(span: Span, message: Received) -> str | None:
    return traceparent_of(span) or message.traceparent


def _delivery(case: Case) -> Delivery:
    """Decode; raises InvalidEvent, also for a fact that was published to another's topic."""
    message = case.message
    event = decode(message.body)
    if case.source.topic != event.data.TOPIC:
        raise InvalidEvent(
            Reason.UNKNOWN_TYPE, f"{event.type} belongs on topic {event.data.TOPIC}, not here"
        )
    return Delivery(
        event=replace(event, traceparent=case.traceparent or event.traceparent),
        attempt=message.attempt,
        first_seen=message.first_seen(case.now),
        message_id=message.message_id,
    )


async def _refused(
    invalid: Sequence[tuple[_Item, InvalidEvent]], note: InvalidNote | None
) -> list[tuple[_Item, Verdict]]:
    """Judge what is no valid event: its dead-letter queue is here, or it is noted and completed."""
    if note is None or not invalid:
        return [(item, refused(error, item.case)) for item, error in invalid]
    try:
        await note([rejection(as_rejected(error), item.case) for item, error in invalid])
    except Exception as error:
        verdict = abandoned(f"not noted: {type(error).__name__}: {error}", error)
    else:
        verdict = Verdict(Action.COMPLETE)
    return [(item, verdict) for item, _ in invalid]


async def _handled(
    items: Sequence[_Item], handler: Handler, clock: Clock
) -> list[tuple[_Item, Verdict]]:
    """Judge what the handler says of all, or of each alone where it cannot take them together."""
    if not items:
        return []
    try:
        outcomes = await handler([item.case.delivery for item in items if item.case.delivery])
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        if len(items) == 1:
            return [(items[0], abandoned(cause, error))]
        _log.warning("%d deliveries failed together (%s); trying each alone", len(items), cause)
        return await _handled_alone(items, handler, clock)
    if len(outcomes) != len(items):
        verdict = abandoned(f"the handler gave {len(outcomes)} outcomes for {len(items)}")
        return [(item, verdict) for item in items]
    now = clock()
    return [
        (item, judge(outcome, replace(item.case, now=now)))
        for item, outcome in zip(items, outcomes, strict=True)
    ]


async def _handled_alone(
    items: Sequence[_Item], handler: Handler, clock: Clock
) -> list[tuple[_Item, Verdict]]:
    places = asyncio.Semaphore(MAX_ALONE_AT_ONCE)

    async def alone(item: _Item) -> list[tuple[_Item, Verdict]]:
        async with places:
            with use_span(item.span, record_exception=False):
                return await _handled([item], handler, clock)

    return [pair for part in await asyncio.gather(*map(alone, items)) for pair in part]


async def _published(
    verdicts: Sequence[tuple[_Item, Verdict]], publisher: Publisher, topic: str
) -> list[tuple[_Item, Verdict]]:
    """Publish what the verdicts ask for; a verdict that could not be published becomes ABANDON."""
    events = [event for _, verdict in verdicts for event in verdict.events]
    retries = [verdict.retry for _, verdict in verdicts if verdict.retry]
    results = await asyncio.gather(
        publisher.publish(events),
        publisher.schedule_retries(topic, retries),
        return_exceptions=True,
    )
    unsent: set[str] = set()
    for error in results:
        if isinstance(error, PublishFailed):
            unsent |= error.message_ids
            _log.error("Not published: %s", error)
        elif isinstance(error, BaseException):
            raise error
    return [(item, _if_sent(verdict, unsent)) for item, verdict in verdicts]


def _if_sent(verdict: Verdict, unsent: set[str]) -> Verdict:
    wanted = {str(event.id) for event in verdict.events}
    if verdict.retry:
        wanted.add(verdict.retry.message_id)
    return (
        abandoned("what it publishes was not accepted by the bus") if wanted & unsent else verdict
    )


async def _settled(
    verdicts: Sequence[tuple[_Item, Verdict]], settlement: Settlement
) -> list[Unsettled]:
    by_action: dict[Action, list[Received]] = {action: [] for action in Action}
    rejections = []
    for item, verdict in verdicts:
        by_action[verdict.action].append(item.message)
        if verdict.action is Action.DEAD_LETTER:
            rejections.append(Rejection(item.message, verdict.reason or "", verdict.cause))
    return [
        *await settlement.complete_many(by_action[Action.COMPLETE]),
        *await settlement.dead_letter_many(rejections),
        *await settlement.abandon_many(by_action[Action.ABANDON]),
    ]


def _record(item: _Item, verdict: Verdict) -> None:
    """Show in span, metric and log what became of a message: one log line for each, at most."""
    where: dict[str, AttributeValue] = {
        "topic": item.case.source.topic,
        "subscription": item.case.source.name,
    }
    item.span.set_attribute("messaging.servicebus.disposition_status", verdict.action.value)
    if verdict.action is Action.ABANDON:
        mark_failed(item.span, verdict.cause)
        FAILED.add(1, where)
        with _in(item.span):
            _log.error(
                "Message %s is abandoned: %s",
                item.message.message_id,
                verdict.cause,
                exc_info=verdict.error,
            )
    elif verdict.reason is not None:
        mark_failed(item.span, verdict.reason)
        REJECTED.add(1, where | {"reason": str(verdict.reason)})
        with _in(item.span):
            _log.warning(
                "Message %s is dead-lettered: %s", item.message.message_id, verdict.reason.value
            )
    elif verdict.retry is not None:
        item.span.set_attribute("tillbus.retry.due", verdict.retry.due.isoformat())
        RETRIED.add(1, where)
        with _in(item.span):
            _log.info("Message %s waits: %s", item.message.message_id, verdict.cause)
    else:
        _record_posting(item, verdict, where)


def _record_posting(item: _Item, verdict: Verdict, where: dict[str, AttributeValue]) -> None:
    delivery = item.case.delivery
    for event in verdict.events:
        if isinstance(event.data, DocumentPosted) and delivery is not None:
            POSTED.add(1, where | {"company": event.data.key.company})
            if not event.data.already_there:
                seconds = (event.data.posted_at - delivery.event.time).total_seconds()
                SALE_TO_LEDGER.record(seconds, where)


@contextmanager
def _in(span: Span) -> Iterator[None]:
    """Log inside a message's own trace; the span's status is the caller's business."""
    with use_span(span, record_exception=False, set_status_on_exception=False):
        yield
