"""Many callers' entries, gathered for a moment and sent together, each answered by itself.

The first entry opens a window; what comes until it closes goes with it. A full bulk goes at once.
So no entry waits longer than the window, and none is held up by a bulk still under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from shared.dynamics import Posting

E = TypeVar("E")

Send = Callable[[Sequence[E]], Awaitable[Sequence[Posting]]]
Sleep = Callable[[float], Awaitable[object]]

_Waiting = tuple[E, "asyncio.Future[Posting]"]


class Gatherer(Generic[E]):
    """`most` entries make a bulk full. `send` answers one posting per entry, in order; what it
    raises is raised to the callers of that bulk, and to no others."""

    def __init__(
        self, send: Send[E], *, window: timedelta, most: int, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._send = send
        self._window = window.total_seconds()
        self._most = most
        self._sleep = sleep
        self._waiting: list[_Waiting[E]] = []
        self._closing: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def post(self, entries: Sequence[E]) -> list[Posting]:
        """Return a posting per entry, in order, once the bulks they went with are answered."""
        if not entries:
            return []
        loop = asyncio.get_running_loop()
        ours = [loop.create_future() for _ in entries]
        self._waiting += zip(entries, ours, strict=True)
        while len(self._waiting) >= self._most:
            self._dispatch()
        if self._waiting and self._closing is None:
            self._closing = asyncio.create_task(self._close_window())
        return list(await asyncio.gather(*ours))

    async def _close_window(self) -> None:
        await self._sleep(self._window)
        self._closing = None
        self._dispatch()

    def _dispatch(self) -> None:
        """Send the oldest; what is left came just now and opens a window of its own."""
        bulk, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        task = asyncio.create_task(self._sent(bulk))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _sent(self, bulk: Sequence[_Waiting[E]]) -> None:
        try:
            postings = await self._send([entry for entry, _ in bulk])
            for (_, answer), posting in zip(bulk, postings, strict=True):
                if not answer.done():
                    answer.set_result(posting)
        except Exception as error:
            for _, answer in bulk:
                if not answer.done():
                    answer.set_exception(error)
