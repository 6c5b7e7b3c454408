"""A till publishes to a bus that is killed again and again: every fact arrives, once."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from infra.local.platform.ports import kept_port
from infra.local.servicebus import LocalServiceBus
from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.publish import publish
from shared.bus import Publisher
from tests.integration.bus.receiving import take_all

ROOT = Path(__file__).parents[3]
TOPOLOGY = ROOT / "infra" / "topology.json"
KILLS = 2


class BusProcess:
    """The local bus as a process of its own, on one port and one folder through all restarts."""

    def __init__(self, data: Path, amqp_port: int) -> None:
        self._data = data
        self._process: asyncio.subprocess.Process | None = None
        self.amqp_port = amqp_port

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "infra.local.servicebus", "--config", str(TOPOLOGY)),
            *("--data", str(self._data), "--amqp-port", str(self.amqp_port), "--admin-port", "0"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        assert (await self._process.stdout.readline()).startswith(b"ready ")

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def a_bus(data: Path) -> AsyncIterator[BusProcess]:
    with kept_port() as port:
        bus = BusProcess(data, port)
        await bus.start()
        try:
            yield bus
        finally:
            await bus.kill()


@pytest.mark.slow
async def test_bus_killed_while_a_day_is_published_loses_nothing(tmp_path: Path) -> None:
    facts = list(TradingDay(3, STORES[:2], transactions_per_store=300))

    async with a_bus(tmp_path) as bus:
        address = LocalServiceBus(TOPOLOGY, amqp_port=bus.amqp_port).connection_string
        publisher = Publisher(ServiceBusClient.from_connection_string(address))
        reached = [asyncio.Event() for _ in range(KILLS)]

        def progress(done: int) -> None:
            for number, event in enumerate(reached, start=1):
                if done >= number * len(facts) // (KILLS + 1):
                    event.set()

        async def kill_and_restart() -> None:
            for event in reached:
                await event.wait()
                await bus.kill()
                await bus.start()

        killer = asyncio.create_task(kill_and_restart())
        published = await publish(facts, publisher, rate_per_second=400, progress=progress)
        await killer
        await publisher.aclose()

        by_topic = Counter(fact.TOPIC for fact in facts)
        received = Counter([message_id async for message_id in _message_ids(address, by_topic)])

    assert published.facts == len(facts)
    assert received == Counter(str(fact.event_id) for fact in facts)


async def _message_ids(address: str, by_topic: Mapping[str, int]) -> AsyncIterator[str]:
    """Yield those of so many messages of each topic, and of any that should not be there."""
    async with ServiceBusClient.from_connection_string(address) as client:
        for topic, count in by_topic.items():
            async with client.get_subscription_receiver(
                topic, "completeness", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
            ) as receiver:
                for message in await take_all(receiver, count):
                    yield str(message.message_id)
