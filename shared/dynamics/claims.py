"""Who is at work on which key, across all instances.

Where Dynamics numbers a document itself, nothing in it keeps a second one out: looking first is
certain only if nobody else writes in between. A claim is held for the time of one booking, in the
notes the instances share; without shared notes it holds within this process only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4
from weakref import WeakValueDictionary
from zlib import crc32

from shared.clock import Clock
from shared.dynamics.odata.errors import TryLater

if TYPE_CHECKING:
    from shared.dynamics.governor import Book

LEASE = timedelta(minutes=10)
"""How long the claim of an instance that died keeps the others out; longer than any booking."""

_SHARDS = 64
"""Notes the claims are spread over, so that they neither grow in number nor meet in one row."""


class Claims:
    def __init__(self, environment: str, clock: Clock, book: Book | None) -> None:
        self._environment = environment
        self._clock = clock
        self._book = book
        self._holder = uuid4().hex
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, key: str) -> AsyncIterator[None]:
        """Hold the key; raises TryLater when another instance does."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            await self.renew(key)
            try:
                yield
            finally:
                await self._release(key)

    async def renew(self, key: str) -> None:
        """Take the key, or keep it for another lease. Raises TryLater."""
        if self._book is None:
            return
        now = self._clock().timestamp()

        def take(text: str | None) -> tuple[str, float]:
            claims = {name: each for name, each in _read(text).items() if each[1] > now}
            holder, until = claims.get(key, (self._holder, 0.0))
            if holder != self._holder:
                return json.dumps(claims), until - now
            claims[key] = (self._holder, now + LEASE.total_seconds())
            return json.dumps(claims), 0.0

        wait = await self._book.change(self._note(key), take)
        if wait > 0:
            raise TryLater(f"Another instance is at work on {key}.")

    async def _release(self, key: str) -> None:
        if self._book is None:
            return

        def drop(text: str | None) -> tuple[str, None]:
            claims = _read(text)
            if claims.get(key, ("", 0.0))[0] == self._holder:
                del claims[key]
            return json.dumps(claims), None

        await self._book.change(self._note(key), drop)

    def _note(self, key: str) -> str:
        return f"claims/{self._environment}/{crc32(key.encode()) % _SHARDS}"


def _read(text: str | None) -> dict[str, tuple[str, float]]:
    return {} if not text else {key: (each[0], each[1]) for key, each in json.loads(text).items()}
