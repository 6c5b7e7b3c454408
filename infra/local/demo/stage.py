"""The running platform as scenes use it: publish, disturb, look at what waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from infra.local.demo.administrator import Administrator
from infra.local.demo.day import DemoDay
from infra.local.demo.listening import Heard
from infra.local.till.outbox import Outbox, Uploaded, Uploader
from infra.local.till.publish import publish
from shared.bus import Publisher
from shared.clock import utc_now
from shared.erasure import OPERATORS
from shared.events import Effect, Fact, SaleCompleted
from shared.store import Act, ParkedKey, Store

OFFLINE_FOR = timedelta(hours=9)
"""How long ago the till without a connection kept its facts."""
ACTOR = "demo"
PATIENCE_SECONDS = 60
"""How long a scene waits for what it is about. A busy machine takes longer than a quiet one."""
POLL_SECONDS = 0.25

Tell = Callable[[str, str], None]
"""Called with the hour in the stores, or '', and what happens."""


@dataclass(frozen=True)
class Stage:
    """What scenes work with."""

    day: DemoDay
    publisher: Publisher
    dynamics: httpx.AsyncClient
    """The simulator's own pages."""
    administrator: Administrator
    store: Store
    heard: Heard
    outbox: Path
    """File of the till that has no connection."""
    tell: Tell

    async def publish(self, *facts: Fact) -> None:
        """Publish as tills with a connection do."""
        await publish(facts, self.publisher)

    async def send_poison(self) -> None:
        """Send what no till that keeps to the contract would."""
        async with self.publisher.client.get_topic_sender(SaleCompleted.TOPIC) as sender:
            await sender.send_messages([poison.message() for poison in self.day.poison])

    async def keep_and_upload(self, facts: Iterable[Fact]) -> Uploaded:
        """Keep facts as a till did hours ago, and upload them now."""
        with Outbox.open(
            self.outbox, Outbox.new_key(), clock=lambda: utc_now() - OFFLINE_FOR
        ) as outbox:
            outbox.put(*facts)
            return await Uploader(outbox, self.publisher).upload()

    async def disturb(self, **fault: object) -> None:
        """Script one fault of Dynamics."""
        (await self.dynamics.post("/_simulator/faults", json=fault)).raise_for_status()

    async def calm(self) -> None:
        """Let Dynamics behave again."""
        (await self.dynamics.delete("/_simulator/faults")).raise_for_status()

    async def waiting(self) -> Sequence[ParkedKey]:
        """Return what is parked."""
        return await self.store.parking.waiting()

    async def waits_for(self, key: str) -> None:
        """Return once something waits under a key."""

        async def waits() -> bool:
            return any(each.key == key for each in await self.waiting())

        await _once(waits)

    async def announced(self, effect: Effect, count: int) -> None:
        """Return once so many documents of an effect were announced."""

        async def heard() -> bool:
            return sum(each == effect for _, each in self.heard.documents) >= count

        await _once(heard)

    async def release(self, key: str, fact: Fact) -> None:
        """Let a fact that waits under a key go on, as ``tillbus parked release`` does.

        While it is being tried, which happens now and then, nothing waits: ask again then.
        """

        async def gone() -> bool:
            now = utc_now()
            count = await self.store.parking.release([key], now)
            act = Act(now, ACTOR, "released", key, f"{count} parked facts")
            await self.store.audit.append(OPERATORS, [act] if count else [])
            return bool(count) or any(each == fact.event_id for each, _ in self.heard.documents)

        await _once(gone)


async def _once(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as it is true, or when patience ends: the books show what is missing then."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        if time.monotonic() > end:
            break
        await asyncio.sleep(POLL_SECONDS)
