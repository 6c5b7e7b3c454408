"""From received messages to settled ones: decode, archive, call the handler, publish, settle.

`shared.bus.fulfilment` carries the verdicts out, in the order that makes a crash harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from opentelemetry.trace import Span, use_span

from shared.bus.archiving import keep
from shared.bus.collaborators import BusCollaborators
from shared.bus.delivery import Delivery, Handler, InvalidNote
from shared.bus.fulfilment import Item, Judged, prepared, settled
from shared.bus.message import Received
from shared.bus.outcomes import without_store
from shared.bus.recording import record
from shared.bus.settlement import Settlement, Unsettled
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
from shared.events import InvalidEvent, Reason, decode
from shared.store.errors import StoreUnavailable
from shared.telemetry import SUBJECT, process_spans, traceparent_of

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


async def consume(
    messages: Sequence[Received],
    settlement: Settlement,
    handler: Handler,
    *,
    source: Subscription,
    bus: BusCollaborators,
    invocation: str | None = None,
    note_invalid: InvalidNote | None = None,
    archive: bool = False,
) -> None:
    """Take every message to its end; return when each is settled.

    A handler that raises on several deliveries is called again with each alone; the one that
    raises alone is abandoned and its neighbours are not touched. What cannot be published is
    abandoned rather than settled as done. `invocation` is the host's traceparent.
    `note_invalid` is for a subscription beside the one that owns a topic's dead letters: what is no
    valid event is told to it and completed, instead of being dead-lettered a second time.
    With `archive` every valid fact is in the archive before the handler sees it.
    Raises SettlementFailed after settling whatever could be settled.
    """
    with process_spans(source.topic, source.name, messages, invocation=invocation) as spans:
        now = bus.clock()
        invalid: list[tuple[Item, InvalidEvent]] = []
        valid: list[Item] = []
        for message, span in zip(messages, spans, strict=True):
            case = Case(
                source,
                message,
                None,
                bus.retry_policy,
                bus.parking_patience,
                now,
                traceparent=_trace(span, message),
            )
            try:
                delivery = _delivery(case)
                span.set_attribute(SUBJECT, delivery.event.subject)
                valid.append(Item(replace(case, delivery=delivery), span))
            except InvalidEvent as error:
                invalid.append((Item(replace(case, head=error.envelope), span), error))
        judged = await _refused(invalid, note_invalid)
        lost_archive = await _archived(valid, bus) if archive else None
        judged += lost_archive or await _handled(valid, handler, bus.clock)
        judged = await prepared(judged, bus, source.topic)
        unsettled = await settled(judged, settlement)
        lost = {each.message.lock_token for each in unsettled}
        for item, verdict in judged:
            if item.message.lock_token not in lost:
                record(item, verdict)
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
        waited_out=message.waited_out[-1] if message.waited_out else None,
    )


async def _refused(
    invalid: Sequence[tuple[Item, InvalidEvent]], note: InvalidNote | None
) -> list[Judged]:
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


async def _archived(items: Sequence[Item], bus: BusCollaborators) -> list[Judged]:
    """Archive all; return the verdicts on what must wait because it could not be, else none."""
    received = [(item.case.delivery, item.message.body) for item in items if item.case.delivery]
    try:
        await keep(bus.archive, received, bus.clock())
    except StoreUnavailable as error:
        _log.error("The store is unavailable, %d facts wait: %s", len(received), error)
        return [(item, judge(without_store(error), item.case)) for item in items]
    return []


async def _handled(items: Sequence[Item], handler: Handler, clock: Clock) -> list[Judged]:
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


async def _handled_alone(items: Sequence[Item], handler: Handler, clock: Clock) -> list[Judged]:
    places = asyncio.Semaphore(MAX_ALONE_AT_ONCE)

    async def alone(item: Item) -> list[Judged]:
        async with places:
            with use_span(item.span, record_exception=False):
                return await _handled([item], handler, clock)

    return [pair for part in await asyncio.gather(*map(alone, items)) for pair in part]
