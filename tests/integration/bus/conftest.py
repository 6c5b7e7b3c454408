from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from shared.bus import BusCollaborators, Publisher, RetryPolicy
from shared.clock import Clock, utc_now
from shared.store.archive import MemoryArchive
from shared.store.parking import MemoryParking, Parking

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


def collaborators(
    publisher: Publisher,
    *,
    retry_delays: str | None = None,
    clock: Clock = utc_now,
    parking: Parking | None = None,
) -> BusCollaborators:
    """What a service has for the bus, its state in memory unless given."""
    return BusCollaborators(
        publisher=publisher,
        clock=clock,
        retry_policy=RetryPolicy.from_settings(retry_delays),
        parking=parking or MemoryParking(),
        archive=MemoryArchive(),
    )
