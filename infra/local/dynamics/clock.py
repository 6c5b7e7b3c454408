"""The simulator's time: the machine's, or one that stands still until it is told to advance.

Whatever depends on time asks the clock, and whatever waits waits on it: under a manual clock a
test sees three days pass at once, and a slow answer comes when it says so.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import datetime, timedelta, timezone
from typing import Any


class Clock:
    """The machine's clock. Calling it returns the current moment as an aware UTC datetime."""

    manual = False

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc)

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of this clock."""
        await asyncio.sleep(seconds)


class ManualClock(Clock):
    """Time passes by `advance` alone; it never goes back."""

    manual = True

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime.now(timezone.utc)
        self._order = itertools.count()
        self._waiting: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def __call__(self) -> datetime:
        return self._now

    @property
    def wakes_at(self) -> datetime | None:
        """The first moment that somebody waits for."""
        return min((at for at, _, future in self._waiting if not future.done()), default=None)

    def advance(self, time: timedelta) -> None:
        """Move the clock and wake whoever waited for a moment until now, in the order of those.

        To be called in the event loop of those who wait. Raises ValueError for negative times.
        """
        if time < timedelta():
            raise ValueError("the clock never goes back")
        self._now += time
        while self._waiting and self._waiting[0][0] <= self._now:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        until = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._waiting, (until, next(self._order), future))
        await future


async def within(clock: Clock, seconds: float, future: asyncio.Future[Any]) -> bool:
    """Wait for the future, but no longer than so many seconds of the clock; return whether it is
    done. A future that is late is cancelled."""
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((future, timer), return_when=asyncio.FIRST_COMPLETED)
        return future.done() and not future.cancelled()
    finally:
        timer.cancel()
        future.cancel()
