"""A till's connection to the bus, which can be cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from infra.local.till.chain.tally import Tally
from infra.local.till.outbox.uploader import EventPublisher
from shared.bus import PublishFailed, Unsent
from shared.clock import Clock
from shared.events import Event

PATIENCE = timedelta(minutes=2)
"""How long the bus may be away, by the clock on the wall, though the line is whole."""


class BusAway(Exception):
    """The bus took nothing for longer than `PATIENCE`."""


class Line:
    """Passes on what a till publishes while it is whole; what a till holds is on its far side."""

    def __init__(
        self,
        publisher: EventPublisher,
        clock: Clock,
        tally: Tally,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_cut = False
        self._publisher, self._clock, self._tally = publisher, clock, tally
        self._monotonic = monotonic
        self._held: set[UUID] = set()
        self._failing_since: float | None = None
        self._under_way: set[asyncio.Future[PublishFailed | None]] = set()

    def put(self, ids: Sequence[UUID]) -> None:
        """Take note of what the till keeps now."""
        if self.is_cut:
            self._held.update(ids)
            self._tally.most_held = max(self._tally.most_held, len(self._held))

    async def publish(self, events: Sequence[Event[Any]]) -> None:
        """Publish. Cancelled, the till does not hear of it, but what is under way arrives.

        Raises PublishFailed, and BusAway.
        """
        if self.is_cut:
            raise _no_connection(events)
        sending = asyncio.ensure_future(self._sent(events))
        self._under_way.add(sending)
        sending.add_done_callback(self._under_way.discard)
        failure = await asyncio.shield(sending)
        if self.is_cut:  # meanwhile: the answer does not reach the till
            raise _no_connection(events)
        unsent = failure.message_ids if failure else frozenset()
        for event in events:
            if str(event.id) not in unsent:
                self._confirmed(event)
        if failure is not None:
            self._failed(failure)
            raise failure
        self._failing_since = None

    async def closed(self) -> None:
        """Return once nothing is under way any more."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _sent(self, events: Sequence[Event[Any]]) -> PublishFailed | None:
        try:
            await self._publisher.publish(events)
        except PublishFailed as failure:
            return failure
        return None

    def _confirmed(self, event: Event[Any]) -> None:
        self._tally.confirmed(event)
        if event.id in self._held:
            self._held.discard(event.id)
            self._tally.waited(self._clock() - event.time)

    def _failed(self, failure: PublishFailed) -> None:
        if all(each.is_hopeless for each in failure.unsent):
            return
        self._tally.failed_attempts += 1
        now = self._monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since > PATIENCE.total_seconds():
            raise BusAway(f"the bus has been away for {PATIENCE}: {failure}") from failure


def _no_connection(events: Sequence[Event[Any]]) -> PublishFailed:
    return PublishFailed(
        [Unsent(each.data.TOPIC, str(each.id), "no connection") for each in events]
    )
