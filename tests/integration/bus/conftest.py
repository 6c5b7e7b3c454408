from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from shared.bus import Publisher

TOPOLOGY = Path(__file__).parents[3] / "infra" / "topology.json"


@pytest.fixture
async def bus() -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(TOPOLOGY) as running:
        yield running


@pytest.fixture
async def client(bus: LocalServiceBus) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(bus.connection_string) as connected:
        yield connected


@pytest.fixture
async def publisher(bus: LocalServiceBus) -> AsyncIterator[Publisher]:
    created = Publisher(ServiceBusClient.from_connection_string(bus.connection_string))
    yield created
    await created.aclose()
