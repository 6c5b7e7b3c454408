"""Late facts in bulk give way to what happens now, within one worker.

Between workers and towards Dynamics the rate budget's lanes decide (`shared.dynamics.governor`);
here it is about the event loop and the store, which one worker's functions share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")

QUIET_SECONDS = 0.05
"""How long no live fact must have come in: the next batch of a busy hour is there by then."""

PATIENCE_SECONDS = 1.0
"""The longest wait for a turn: live traffic that never pauses slows late facts down, no more."""

PART = 20
"""How many late facts are handled in one turn."""

BATCH_SECONDS = 15.0
"""When a batch has taken so long, its rest is handled at once: the locks last a minute."""

_LOOK_SECONDS = 0.01


class LiveFirst:
    """Knows what live work is going on, and lets late work wait for a pause in it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self.in_progress = 0
        """Live batches being handled."""
        self._last_live = float("-inf")

    @contextmanager
    def live(self) -> Iterator[None]:
        """Around the handling of live deliveries."""
        self.in_progress += 1
        try:
            yield
        finally:
            self.in_progress -= 1
            self._last_live = self._clock()

    async def parts(self, batch: Sequence[_T]) -> AsyncIterator[Sequence[_T]]:
        """Give a batch of late work in parts, each when its turn has come."""
        until = self._clock() + BATCH_SECONDS
        rest = batch
        while rest and self._clock() < until:
            await self.turn()
            yield rest[:PART]
            rest = rest[PART:]
        if rest:
            yield rest

    async def turn(self) -> None:
        """Return when live traffic has paused, or when its patience is at an end."""
        until = self._clock() + PATIENCE_SECONDS
        while self._busy() and self._clock() < until:
            await self._sleep(_LOOK_SECONDS)

    def _busy(self) -> bool:
        return self.in_progress > 0 or self._clock() - self._last_live < QUIET_SECONDS
