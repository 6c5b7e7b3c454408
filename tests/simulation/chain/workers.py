"""Function workers: they receive, invoke and settle as the host does, die, and come back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from azure.servicebus.exceptions import ServiceBusConnectionError

from infra.local.functions.schedule import parse_schedule
from infra.local.servicebus.broker import BrokerError
from tests.simulation.chain.apps import App, Subscribed, Timed
from tests.simulation.chain.bus import Held, SimulatedBus
from tests.simulation.chain.hazards import Process, current
from tests.simulation.chain.virtual import now

BATCH = 25
SHORTEST_INTERVAL = 300.0
"""Seconds between two runs of a timer; one that wants to run more often costs a run its time."""

_CONTEXT = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=""))


class Worker:
    """Starts its app anew after each death, seconds later."""

    def __init__(self, name: str, app: App, bus: SimulatedBus, chance: random.Random) -> None:
        self.name = name
        self.deaths = 0
        self._app = app
        self._bus = bus
        self._chance = chance

    async def run(self) -> None:
        while True:
            process = Process(f"{self.name}.{self.deaths}")
            token = current.set(process)
            life = asyncio.create_task(self._live())
            current.reset(token)
            death = asyncio.create_task(process.died.wait())
            try:
                await asyncio.wait((life, death), return_when=asyncio.FIRST_COMPLETED)
                if life.done() and not process.is_dead:
                    life.result()  # a worker never ends by itself: what it raised is our bug
            finally:
                process.die()
                life.cancel()
                death.cancel()
                await asyncio.gather(life, death, return_exceptions=True)
                await process.bury()
            self.deaths += 1
            await asyncio.sleep(self._chance.uniform(1, 20))

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for subscribed in self._app.subscribed:
                tasks.create_task(self._serve(subscribed))
            for timed in self._app.timed:
                tasks.create_task(self._tick(timed))

    async def _serve(self, subscribed: Subscribed) -> None:
        while True:
            batch = await self._bus.receive(subscribed.address, self._chance.randint(1, BATCH))
            actions = _Actions(self._bus, subscribed.address)
            try:
                await subscribed.function(batch, actions, _CONTEXT)
            except Exception:
                await self._settle(subscribed.address, batch, actions, "abandon")
            else:
                await self._settle(subscribed.address, batch, actions, "complete")

    async def _settle(
        self, address: str, batch: Sequence[Held], actions: _Actions, how: str
    ) -> None:
        """What the host does after an invocation with whatever was left unsettled."""
        queue = self._bus.queue(address)
        act = queue.complete if how == "complete" else queue.abandon
        for each in batch:
            if each.lock_token in actions.settled:
                continue
            # What is not settled comes again when its lock has expired.
            with contextlib.suppress(BrokerError, ServiceBusConnectionError):
                await self._bus.settle(f"{how} on {address}", act, UUID(each.lock_token))

    async def _tick(self, timed: Timed) -> None:
        interval = _interval(timed.schedule, now())
        while True:
            await asyncio.sleep(max(interval, SHORTEST_INTERVAL))
            try:
                await timed.function(SimpleNamespace(past_due=False))
            except Exception:
                continue  # as in the host: tried at its next time


def _interval(schedule: str, at: datetime) -> float:
    next_after = _schedule(schedule)
    first = next_after(at)
    return (next_after(first) - first).total_seconds()


_schedule = lru_cache(maxsize=None)(partial(parse_schedule, used_by="a timer"))


@dataclass
class _Actions:
    """What the typed binding gives a function to settle with: blocking calls."""

    bus: SimulatedBus
    address: str
    settled: set[str] = field(default_factory=set)

    def abandon(self, message: Held) -> None:
        self._settle("abandon", self.bus.queue(self.address).abandon, message)

    def deadletter(
        self, message: Held, deadletter_reason: str, deadletter_error_description: str
    ) -> None:
        def bury(token: UUID, at: int) -> None:
            self.bus.queue(self.address).dead_letter(
                token, at, deadletter_reason, deadletter_error_description
            )

        self._settle("dead-letter", bury, message)

    def _settle(self, how: str, act: Any, message: Held) -> None:
        self.bus.settle_at_once(f"{how} on {self.address}", act, UUID(message.lock_token))
        self.settled.add(message.lock_token)
