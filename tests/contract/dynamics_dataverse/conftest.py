"""The Dataverse connector against the simulator over real HTTP, signed in with real tokens.

The tests share one event loop and one simulator, as new for each of them but for its clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, ManualClock
from shared.dynamics.dataverse import Dataverse, DataverseSettings, dataverse
from tests.contract.dynamics_simulator.talking import access_token, api_client

ROOT = "/api/data/v9.2"


@pytest.fixture(scope="session")
def dataverse_clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_dataverse(dataverse_clock: ManualClock) -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator(None, clock=dataverse_clock) as simulator:
        yield simulator


@pytest.fixture
def simulator(running_dataverse: DynamicsSimulator) -> DynamicsSimulator:
    running_dataverse.reset()
    return running_dataverse


@pytest_asyncio.fixture(loop_scope="session")
async def product(simulator: DynamicsSimulator) -> AsyncIterator[Dataverse]:
    async with dataverse(settings_for(simulator)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def api(simulator: DynamicsSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A bare client with a token in force."""
    headers = {"Authorization": f"Bearer {await access_token(simulator)}"}
    async with api_client(simulator, headers) as client:
        client.base_url = httpx.URL(f"{simulator.api_url}{ROOT}/")
        yield client


def settings_for(simulator: DynamicsSimulator, **changes: Any) -> DataverseSettings:
    """Return settings that sign in with the client secret."""
    values = {
        "url": simulator.api_url,
        "tenant_id": simulator.registration.tenant_id,
        "client_id": simulator.registration.client_id,
        "client_secret": simulator.registration.client_secret,
        "authority": simulator.identity_url,
        "ca_file": simulator.ca_file,
        "timeout": timedelta(seconds=20),
    }
    return DataverseSettings.model_validate(values | changes)
