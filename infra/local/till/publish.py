"""Publishes facts as a till does: each with a trace of its own, waiting out a bus that restarts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any, Protocol

from infra.local.till.traced import traced_event
from shared.bus import PublishFailed
from shared.clock import Clock, utc_now
from shared.events import Event, Fact

BATCH = 100
"""Facts handed to the publisher at once where no rate is asked for."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(milliseconds=250), timedelta(seconds=5)
"""Pauses between attempts double from the first to the longest."""
PATIENCE = timedelta(minutes=2)
"""Pauses a batch may take in all before publishing gives up: a bus restarts in seconds."""


class EventPublisher(Protocol):
    """What is used of `shared.bus.Publisher`."""

    async def publish(self, events: Iterable[Event[Any]]) -> None: ...


Sleep = Callable[[float], Awaitable[None]]
Progress = Callable[[int], None]
"""Called with the number of facts the bus has accepted so far."""


@dataclass(slots=True)
class Published:
    """What the bus has accepted."""

    facts: int = 0
    by_topic: Counter[str] = field(default_factory=Counter)
    repeated_sends: int = 0
    """Attempts that failed and were made again."""


async def publish(
    facts: Iterable[Fact],
    publisher: EventPublisher,
    *,
    rate_per_second: float | None = None,
    progress: Progress | None = None,
    patience: timedelta = PATIENCE,
    clock: Clock = utc_now,
    sleep: Sleep = asyncio.sleep,
) -> Published:
    """Publish all facts in order, at most `rate_per_second` if given; return what was accepted.

    Raises PublishFailed when a batch stays unconfirmed for longer than `patience`. Sending twice
    is harmless: ids are deterministic.
    """
    done = Published()
    size = BATCH if rate_per_second is None else max(1, min(BATCH, int(rate_per_second / 20)))
    started = clock()
    for batch in _batches(facts, size):
        if rate_per_second is not None:
            due = started + timedelta(seconds=done.facts / rate_per_second)
            await sleep(max(0.0, (due - clock()).total_seconds()))
        done.repeated_sends += await _publish_batch(batch, publisher, patience, clock, sleep)
        done.facts += len(batch)
        done.by_topic.update(fact.TOPIC for fact in batch)
        if progress is not None:
            progress(done.facts)
    return done


async def _publish_batch(
    facts: Sequence[Fact],
    publisher: EventPublisher,
    patience: timedelta,
    clock: Clock,
    sleep: Sleep,
) -> int:
    """Return how often the batch, or what was left of it, had to be sent again."""
    with ExitStack() as spans:
        waiting = [traced_event(fact, clock, spans) for fact in facts]
        pause, waited, repeated = FIRST_PAUSE, timedelta(0), 0
        while True:
            try:
                await publisher.publish(waiting)
            except PublishFailed as failure:
                if waited >= patience:
                    raise
                waiting = [event for event in waiting if str(event.id) in failure.message_ids]
            else:
                return repeated
            await sleep(pause.total_seconds())
            waited += pause
            pause = min(2 * pause, LONGEST_PAUSE)
            repeated += 1


def _batches(facts: Iterable[Fact], size: int) -> Iterator[list[Fact]]:
    remaining = iter(facts)
    while batch := list(islice(remaining, size)):
        yield batch
