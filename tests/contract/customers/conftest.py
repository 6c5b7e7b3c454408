"""One simulator for all tests of the service, as new for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_for_customers() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running_for_customers: DynamicsSimulator) -> DynamicsSimulator:
    running_for_customers.reset()
    return running_for_customers
