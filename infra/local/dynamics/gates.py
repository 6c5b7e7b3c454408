"""Let requests in or refuse them, by the limits of their product and on the simulator's clock."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

from .clock import Clock, within
from .limits import Limits, Priority, QueueLimit, Refusal, ResourceLimit, WindowLimit


class Gate(Protocol):
    """Lets requests of one product in, or refuses them."""

    def admitted(
        self, principal: str, size: int
    ) -> AbstractAsyncContextManager[Callable[[], Mapping[str, str]]]:
        """Held while a request of `size` bytes is carried out. Yields what tells the headers of
        its answer. Raises Refusal."""
        ...


def _seconds(time: float) -> int:
    return max(1, math.ceil(time))


def _nothing() -> Mapping[str, str]:
    return {}


class _Window:
    """Amounts of the last so many seconds, with their sum."""

    def __init__(self, seconds: float) -> None:
        self._seconds = timedelta(seconds=seconds)
        self._amounts: deque[tuple[datetime, float]] = deque()
        self.sum = 0.0

    def add(self, now: datetime, amount: float) -> None:
        self._amounts.append((now, amount))
        self.sum += amount

    def forget(self, now: datetime) -> None:
        """Drop what has left the window."""
        while self._amounts and self._amounts[0][0] + self._seconds <= now:
            self.sum -= self._amounts.popleft()[1]

    def wait(self, now: datetime, below: float) -> float:
        """Seconds until the sum is below the given amount, if nothing is added."""
        left = self.sum
        for at, amount in self._amounts:
            left -= amount
            if left < below:
                return (at + self._seconds - now).total_seconds()
        return 0


class ResourceGate:
    _FLOORS: Mapping[Priority, float] = {"high": 0.0, "medium": 0.25, "low": 0.5}
    """How full the bucket must be, as a part of its capacity."""

    def __init__(self, limit: ResourceLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._level = limit.capacity
        self._at = clock()

    @asynccontextmanager
    async def admitted(
        self, principal: str, size: int
    ) -> AsyncIterator[Callable[[], Mapping[str, str]]]:
        limit, now = self._limit, self._clock()
        back = (now - self._at).total_seconds() * limit.per_second
        self._level = min(limit.capacity, self._level + back)
        self._at = now
        floor = self._FLOORS[limit.priorities.get(principal, "medium")] * limit.capacity
        if self._level <= floor:
            raise Refusal(429, _seconds((floor - self._level) / limit.per_second))
        self._level -= 1 + size / 1000
        yield _nothing


class _Queue:
    """The requests of one user: how many run, who waits, when they came."""

    def __init__(self, window: float) -> None:
        self.recent = _Window(window)
        self.running = 0
        self.waiting: deque[asyncio.Future[None]] = deque()


class QueueGate:
    def __init__(self, limit: QueueLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._queues: dict[str, _Queue] = defaultdict(lambda: _Queue(limit.window))

    @asynccontextmanager
    async def admitted(
        self, principal: str, size: int
    ) -> AsyncIterator[Callable[[], Mapping[str, str]]]:
        limit, now = self._limit, self._clock()
        queue = self._queues[principal]
        queue.recent.forget(now)
        if queue.recent.sum >= limit.requests:
            raise Refusal(429, None)
        if queue.running >= limit.running and len(queue.waiting) >= limit.queued:
            raise Refusal(429, None)
        queue.recent.add(now, 1)
        if queue.running >= limit.running:
            await self._wait(queue)
        else:
            queue.running += 1
        try:
            yield _nothing
        finally:
            self._leave(queue)

    async def _wait(self, queue: _Queue) -> None:
        """Return with the place of one who left."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.waiting.append(turn)
        try:
            if not await within(self._clock, self._limit.patience, turn):
                raise Refusal(503, None)
        except BaseException:
            if turn in queue.waiting:
                queue.waiting.remove(turn)
            elif not turn.cancelled():
                self._leave(queue)
            raise

    @staticmethod
    def _leave(queue: _Queue) -> None:
        while queue.waiting:
            turn = queue.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        queue.running -= 1


class _Facets:
    """What one user has used of Dataverse."""

    def __init__(self, window: float) -> None:
        self.requests = _Window(window)
        self.execution = _Window(window)
        self.running = 0


class WindowGate:
    REQUESTS = "0x80072322"
    EXECUTION = "0x80072321"
    CONCURRENT = "0x80072326"

    def __init__(self, limit: WindowLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._users: dict[str, _Facets] = defaultdict(lambda: _Facets(limit.window))

    @asynccontextmanager
    async def admitted(
        self, principal: str, size: int
    ) -> AsyncIterator[Callable[[], Mapping[str, str]]]:
        limit, now = self._limit, self._clock()
        used = self._users[principal]
        used.requests.forget(now)
        used.execution.forget(now)
        if used.requests.sum >= limit.requests:
            wait = used.requests.wait(now, limit.requests)
            raise Refusal(429, _seconds(wait), self.REQUESTS)
        if used.execution.sum >= limit.execution:
            wait = used.execution.wait(now, limit.execution)
            raise Refusal(429, _seconds(wait), self.EXECUTION)
        if used.running >= limit.concurrent:
            raise Refusal(429, 1, self.CONCURRENT)
        used.requests.add(now, 1)
        used.running += 1
        try:
            yield lambda: self._headers(used)
        finally:
            used.running -= 1
            ended = self._clock()
            used.execution.add(ended, (ended - now).total_seconds())

    def _headers(self, used: _Facets) -> Mapping[str, str]:
        """What is left of the window, as on every answer."""
        requests = self._limit.requests - used.requests.sum
        execution = self._limit.execution - used.execution.sum
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": f"{max(0.0, requests):.0f}",
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{max(0.0, execution):,.2f}",
        }


def gates(limits: Limits, clock: Clock) -> Mapping[str, Gate]:
    """The gate of every product that has one, by product name."""
    return {
        "finance-operations": ResourceGate(limits.finance_operations, clock),
        "business-central": QueueGate(limits.business_central, clock),
        "dataverse": WindowGate(limits.dataverse, clock),
    }
