"""Do what verdicts ask for, in the order in which a crash loses nothing.

What is parked is durable, and what is published confirmed by the bus, before a message is settled.
A crash in between repeats the message, which posting survives because it is idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from opentelemetry.trace import Span

from shared.bus.collaborators import BusCollaborators
from shared.bus.message import Received
from shared.bus.outcomes import Later, without_store
from shared.bus.publisher import Publisher, PublishFailed
from shared.bus.settlement import Rejection, Settlement, Unsettled
from shared.bus.verdicts import Action, Case, Verdict, abandoned, judge
from shared.store.errors import StoreUnavailable

_log = logging.getLogger("tillbus.bus")


@dataclass(frozen=True, slots=True)
class Item:
    """One message on its way, with the span open for it."""

    case: Case
    span: Span

    @property
    def message(self) -> Received:
        return self.case.message


Judged = tuple[Item, Verdict]


async def prepared(judged: Sequence[Judged], bus: BusCollaborators, topic: str) -> list[Judged]:
    """Park, or park no more, and publish; return the verdicts that can now be settled.

    What the store could not be told of waits as Later does, what could not be published is
    abandoned.
    """
    judged = await _told_parking(judged, bus)
    judged = await _published(judged, bus.publisher, topic)
    await _released(judged, bus)
    return judged


async def settled(judged: Sequence[Judged], settlement: Settlement) -> list[Unsettled]:
    """Settle every message; return those that could not be."""
    by_action: dict[Action, list[Received]] = {action: [] for action in Action}
    rejections = []
    for item, verdict in judged:
        by_action[verdict.action].append(item.message)
        if verdict.action is Action.DEAD_LETTER:
            rejections.append(Rejection(item.message, verdict.reason or "", verdict.cause))
    return [
        *await settlement.complete_many(by_action[Action.COMPLETE]),
        *await settlement.dead_letter_many(rejections),
        *await settlement.abandon_many(by_action[Action.ABANDON]),
    ]


async def _told_parking(judged: Sequence[Judged], bus: BusCollaborators) -> list[Judged]:
    facts = [verdict.park for _, verdict in judged if verdict.park]
    ended = [verdict.forget for _, verdict in judged if verdict.forget]
    try:
        if facts:
            await bus.parking.park(facts)
        if ended:
            await bus.parking.forget(ended)
    except StoreUnavailable as error:
        count = len(facts) + len(ended)
        _log.error("The store is unavailable, %d facts are parked as before: %s", count, error)
        later = without_store(error)
        return [
            (item, _instead(later, item, each) if each.park or each.forget else each)
            for item, each in judged
        ]
    return list(judged)


def _instead(later: Later, item: Item, wanted: Verdict) -> Verdict:
    """What was to end is announced when it ends; what was to wait keeps what it has done."""
    verdict = judge(later, item.case)
    return replace(verdict, events=(*wanted.events, *verdict.events)) if wanted.park else verdict


async def _published(judged: Sequence[Judged], publisher: Publisher, topic: str) -> list[Judged]:
    events = [event for _, verdict in judged for event in verdict.events]
    retries = [verdict.retry for _, verdict in judged if verdict.retry]
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
    return [(item, _if_sent(verdict, unsent)) for item, verdict in judged]


def _if_sent(verdict: Verdict, unsent: set[str]) -> Verdict:
    wanted = {str(event.id) for event in verdict.events}
    if verdict.retry:
        wanted.add(verdict.retry.message_id)
    return (
        abandoned("what it publishes was not accepted by the bus") if wanted & unsent else verdict
    )


async def _released(judged: Sequence[Judged], bus: BusCollaborators) -> None:
    """Let the others of a key follow their probe. If the store is away, the next probe does."""
    keys = {verdict.release for _, verdict in judged if verdict.release}
    if not keys:
        return
    try:
        await bus.parking.release(sorted(keys), bus.clock())
    except StoreUnavailable as error:
        _log.warning("The store is unavailable, %d keys stay parked: %s", len(keys), error)
