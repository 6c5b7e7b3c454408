"""One running simulator for the whole run, as new for every test, and a signed-in HTTP client.

Its tests share one event loop: starting the simulator anew takes longer than most of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, ManualClock
from tests.contract.dynamics_simulator.talking import access_token, api_client


@pytest.fixture(scope="session")
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(clock: ManualClock) -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator(None, clock=clock) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: DynamicsSimulator) -> DynamicsSimulator:
    """A simulator as on its first start, but for the clock, which never goes back."""
    running.reset()
    for registered in running.certificates.glob("*.pem"):
        registered.unlink()
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def api(simulator: DynamicsSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose every request carries a token in force."""
    headers = {"Authorization": f"Bearer {await access_token(simulator)}"}
    async with api_client(simulator, headers) as client:
        yield client
