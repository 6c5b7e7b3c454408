"""An empty bus per test, and the stock administration clients connected to it over https."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus, NamespaceConfig
from infra.local.servicebus.server.clock import ManualClock
from tests.contract.servicebus_administration.clients import CLIENTS


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def bus(clock: ManualClock) -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(NamespaceConfig(), clock=clock) as running:
        yield running


@pytest.fixture(params=list(CLIENTS))
async def admin(bus: LocalServiceBus, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    client = CLIENTS[request.param](bus)
    yield client
    await client.aclose()


@pytest.fixture
async def one_admin(bus: LocalServiceBus) -> AsyncIterator[Any]:
    """For tests whose matter is what the bus does afterwards."""
    client = CLIENTS["aio"](bus)
    yield client
    await client.aclose()
