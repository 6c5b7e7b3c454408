"""The time a chain lives in: so many times as fast as ours, or as fast as it can be worked off."""

from __future__ import annotations

import asyncio
import heapq
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count

Settled = Callable[[], Awaitable[None]]
"""Returns once every till has uploaded what it has, or sleeps before it tries again."""

TOGETHER = timedelta(minutes=15)
"""How long what tills put may gather while time is not measured: they upload it together."""


class Timeline(ABC):
    """The right time; tills' clocks are wrong by a little."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the time."""

    @abstractmethod
    def nap(self, seconds: float) -> asyncio.Future[None]:
        """Return a future that is done when so many seconds have passed; cancel it to wake."""

    @abstractmethod
    async def until(self, moment: datetime, settled: Settled) -> None:
        """Return when it is that late, at once where it is later."""

    @abstractmethod
    async def stand_still(self, settled: Settled) -> None:
        """Let the tills finish what they have begun, where time allows it."""

    @abstractmethod
    async def pass_on(self, changed: asyncio.Event, settled: Settled) -> None:
        """Let time pass until something may have changed."""


class Paced(Timeline):
    """Time that goes `speed` times as fast as the clock on the wall."""

    def __init__(
        self, begins: datetime, speed: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._begins, self._speed = begins, speed
        self._monotonic = monotonic
        self._started = monotonic()

    def now(self) -> datetime:
        passed = (self._monotonic() - self._started) * self._speed
        return self._begins + timedelta(seconds=passed)

    def nap(self, seconds: float) -> asyncio.Future[None]:
        return asyncio.ensure_future(asyncio.sleep(seconds / self._speed))

    async def until(self, moment: datetime, settled: Settled) -> None:
        del settled
        seconds = (moment - self.now()).total_seconds()
        await asyncio.sleep(max(0.0, seconds / self._speed))

    async def stand_still(self, settled: Settled) -> None:
        del settled  # time goes on

    async def pass_on(self, changed: asyncio.Event, settled: Settled) -> None:
        del settled
        changed.clear()
        await changed.wait()


class Unpaced(Timeline):
    """Time that stands still while tills upload and leaps to what comes next: nothing that is
    measured in it depends on how fast the machine is."""

    def __init__(self, begins: datetime) -> None:
        self._now = self._settled_at = begins
        self._naps: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> datetime:
        return self._now

    def nap(self, seconds: float) -> asyncio.Future[None]:
        ends: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._naps, (due, next(self._numbers), ends))
        return ends

    async def until(self, moment: datetime, settled: Settled) -> None:
        if moment >= self._settled_at + TOGETHER:
            await self.stand_still(settled)
        while self._naps and self._naps[0][0] <= moment:
            await self._wake_next(settled)
        self._now = max(self._now, moment)

    async def stand_still(self, settled: Settled) -> None:
        await settled()
        self._settled_at = self._now

    async def pass_on(self, changed: asyncio.Event, settled: Settled) -> None:
        await settled()
        if self._naps:
            await self._wake_next(settled)

    async def _wake_next(self, settled: Settled) -> None:
        due, _, ends = heapq.heappop(self._naps)
        if not ends.done():
            self._now = max(self._now, due)
            ends.set_result(None)
            await settled()


def timeline(begins: datetime, speed: float) -> Timeline:
    """Return the time that goes at a speed; 0 is as fast as possible."""
    return Paced(begins, speed) if speed else Unpaced(begins)
