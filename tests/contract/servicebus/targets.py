"""What the suite can run against: the local bus always, others where they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from infra.local.servicebus import LocalServiceBus, NamespaceConfig
from tests.contract.servicebus.broker import Broker, LocalBroker


class Target:
    """`lacks`: need -> why. `running` is entered once per class of tests and yields what the
    drivers' environment needs, then `broker` once per scenario."""

    name: ClassVar[str]
    title: ClassVar[str]
    lacks: ClassVar[dict[str, str]] = {}

    def missing(self) -> str | None:
        """Say why it cannot be run against here; None if it can."""
        raise NotImplementedError

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, str]]:
        yield {}

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        raise NotImplementedError
        yield  # type: ignore[unreachable]


class LocalBus(Target):
    """A bus for each scenario, in this process; all of one certificate authority."""

    name = "local"
    title = "local bus"

    def missing(self) -> str | None:
        return None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, str]]:
        with TemporaryDirectory(prefix="contract-") as folder:
            self._template = Path(folder)
            async with LocalServiceBus(NamespaceConfig(), data=self._template) as bus:
                trusted = bus.ca_file
            # The administration client of azure-servicebus 7.12 takes no other trust.
            yield {"REQUESTS_CA_BUNDLE": str(trusted)}

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        broker = await LocalBroker(self._template).start()
        try:
            yield broker
        finally:
            await broker.stop()


TARGETS: tuple[Target, ...] = (LocalBus(),)
