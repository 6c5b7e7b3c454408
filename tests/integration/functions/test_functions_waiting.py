"""How a source waits: it costs next to nothing while idle, and keeps no message waiting."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from infra.local.functions.app_settings import Connection
from infra.local.functions.message_source import SdkMessageSource
from infra.local.servicebus import LocalServiceBus
from tests.integration.functions.topology import TOPOLOGY
from tests.unit.functions.fakes import trigger


class WatchingSelector(selectors.DefaultSelector):
    """Remembers how long its loop was ready to wait, each time it had nothing to do."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def select(self, timeout: float | None = None) -> Any:
        self.waits.append(float("inf") if timeout is None else timeout)
        return super().select(timeout)


def run_watching(work: Coroutine[Any, Any, None], selector: WatchingSelector) -> None:
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(work)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[SdkMessageSource, ServiceBusClient]]:
    """A source that has received once, and a client to send with, on a bus of their own."""
    async with LocalServiceBus(TOPOLOGY) as bus:
        source = SdkMessageSource(
            trigger(connection=Connection(connection_string=bus.connection_string)), credit=100
        )
        assert await source.receive(1, 0.1, alone=True) == []
        async with ServiceBusClient.from_connection_string(bus.connection_string) as client:
            yield source, client
        await source.close()


async def send(client: ServiceBusClient, count: int) -> None:
    async with client.get_topic_sender("sale-completed") as sender:
        await sender.send_messages([ServiceBusMessage(f"{n}") for n in range(count)])


def test_an_idle_source_hardly_wakes_its_loop() -> None:
    selector = WatchingSelector()

    async def idle() -> None:
        async with connected() as (source, _):
            selector.waits.clear()
            assert await source.receive(1, 1.0, alone=True) == []
            assert len(selector.waits) < 20

    run_watching(idle(), selector)


def test_a_source_with_messages_in_flight_lets_their_settlement_in_between() -> None:
    selector = WatchingSelector()

    async def busy() -> None:
        async with connected() as (source, _):
            selector.waits.clear()
            assert await source.receive(1, 1.0) == []
            assert max(selector.waits) < 0.02

    run_watching(busy(), selector)


async def test_a_message_ends_the_wait_at_once() -> None:
    async with connected() as (source, client):
        waiting = asyncio.ensure_future(source.receive(1, 30, alone=True))
        await asyncio.sleep(0)

        await send(client, 1)

        async with asyncio.timeout(25):  # less than the wait itself
            (message,) = await waiting
        assert str(message) == "0"


async def test_a_gap_is_noticed_at_once_after_a_long_wait() -> None:
    async with connected() as (source, client):
        await send(client, 1)
        await source.receive(1, 30, alone=True)

        began = time.monotonic()
        assert await source.receive(99, 0.002) == []

        assert time.monotonic() - began < 25
