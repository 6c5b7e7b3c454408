"""Uploads an outbox: in order, in batches, backing off while the bus is away, until it is empty."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from infra.local.till.outbox.box import Outbox, Status, Waiting
from shared.bus import PublishFailed
from shared.clock import Clock, utc_now
from shared.events import BACKFILL, Event

BATCH = 100
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
"""Pauses between attempts double from the first to the longest, each shortened by chance by up to a
half, so that the tills of a chain do not return together."""
LATE_AFTER = timedelta(hours=1)
"""What waited for longer travels in the backfill lane, where it holds up nobody's live sales."""

Sleep = Callable[[float], Awaitable[None]]
Progress = Callable[[Status], None]


class EventPublisher(Protocol):
    """What is used of `shared.bus.Publisher`."""

    async def publish(self, events: Sequence[Event[Any]]) -> None: ...


@dataclass(slots=True)
class Uploaded:
    """What one upload came to."""

    facts: int = 0
    late: int = 0
    refused: int = 0
    failed_attempts: int = 0


class Uploader:
    """Publishing twice is harmless, ids are deterministic: a crash between the bus' confirmation
    and `confirmed` publishes again."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: EventPublisher,
        *,
        batch: int = BATCH,
        late_after: timedelta = LATE_AFTER,
        longest_pause: timedelta = LONGEST_PAUSE,
        clock: Clock = utc_now,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        progress: Progress | None = None,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._batch = batch
        self._late_after = late_after
        self._longest_pause = longest_pause
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._progress = progress

    async def run(self) -> None:
        """Upload whatever is put, for ever; cancel it to stop. Raises OutboxDamaged."""
        loop, something_put = asyncio.get_running_loop(), asyncio.Event()

        def told() -> None:
            loop.call_soon_threadsafe(something_put.set)

        self._outbox.when_put(told)
        while True:
            something_put.clear()
            await self.upload()
            await something_put.wait()

    async def upload(self) -> Uploaded:
        """Return once nothing waits, however long the bus is away. Raises OutboxDamaged."""
        done = Uploaded()
        pause = FIRST_PAUSE
        # While the bus is away one fact asks whether it is back: a thousand need not be read.
        while waiting := self._outbox.waiting(self._batch if pause == FIRST_PAUSE else 1):
            confirmed = await self._publish(waiting, done)
            if self._progress is not None:
                self._progress(self._outbox.status())
            if confirmed:
                pause = FIRST_PAUSE
            else:
                await self._sleep(pause.total_seconds() * (1 - self._chance() / 2))
                pause = min(2 * pause, self._longest_pause)
        return done

    async def _publish(self, waiting: Sequence[Waiting], done: Uploaded) -> bool:
        """Publish a batch; return whether the bus took all that it will ever take of it."""
        now = self._clock()
        late = {each.number for each in waiting if now - each.event.time > self._late_after}
        unsent: dict[str, str] = {}
        hopeless: set[str] = set()
        try:
            await self._publisher.publish(
                [
                    replace(each.event, lane=BACKFILL) if each.number in late else each.event
                    for each in waiting
                ]
            )
        except PublishFailed as failure:
            done.failed_attempts += 1
            unsent = {each.message_id: each.cause for each in failure.unsent}
            hopeless = {each.message_id for each in failure.unsent if each.is_hopeless}
        taken = [each.number for each in waiting if str(each.event.id) not in unsent]
        self._outbox.confirmed(taken)
        done.facts += len(taken)
        done.late += len(late.intersection(taken))
        for each in waiting:
            if str(each.event.id) in hopeless:
                self._outbox.refuse(each.number, unsent[str(each.event.id)])
                done.refused += 1
        return hopeless == unsent.keys()
