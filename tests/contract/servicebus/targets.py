"""What the suite can run against: the local bus always, others where they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.contract.servicebus.broker import Broker, LocalBroker


class Target:
    """`lacks`: need -> why. `running` is entered once per class of tests, `broker` per scenario."""

    name: str
    title: str
    lacks: dict[str, str]

    def missing(self) -> str | None:
        """Say why it cannot be run against here; None if it can."""
        raise NotImplementedError

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Target]:
        yield self

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        raise NotImplementedError
        yield


class LocalBus(Target):
    """A bus for each scenario, in this process."""

    name = "local"
    title = "local bus"
    lacks: dict[str, str] = {}

    def missing(self) -> str | None:
        return None

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        broker = await LocalBroker().start()
        try:
            yield broker
        finally:
            await broker.stop()


TARGETS: tuple[Target, ...] = (LocalBus(),)
