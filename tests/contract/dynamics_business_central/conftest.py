"""Our Business Central connector against the simulator over real HTTP with real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, ManualClock
from shared.dynamics.business_central import (
    BusinessCentral,
    BusinessCentralSettings,
    business_central,
)

CUSTOM_API = "tillbus/retail/v1.0"


@pytest.fixture(scope="session")
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(clock: ManualClock) -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: DynamicsSimulator) -> DynamicsSimulator:
    """A simulator as on its first start, but for its clock. What the connectors know of it, the ids
    of companies and of master data, stays true: they are derived from names."""
    running.reset()
    return running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def signed_in(
    running: DynamicsSimulator,
) -> AsyncIterator[tuple[BusinessCentral, BusinessCentral]]:
    """Signed in once for all tests: without and with the retail custom API."""
    plain, extended = settings_for(running), settings_for(running, custom_api=CUSTOM_API)
    async with (
        business_central(plain, running.clock) as standard,
        business_central(extended, running.clock) as custom,
    ):
        yield standard, custom


@pytest.fixture
def bc(
    simulator: DynamicsSimulator, signed_in: tuple[BusinessCentral, BusinessCentral]
) -> BusinessCentral:
    return signed_in[0]


@pytest.fixture
def custom(
    simulator: DynamicsSimulator, signed_in: tuple[BusinessCentral, BusinessCentral]
) -> BusinessCentral:
    """The same environment with the retail custom API in use."""
    return signed_in[1]


def settings_for(simulator: DynamicsSimulator, **changes: Any) -> BusinessCentralSettings:
    """Return settings that sign in with the client secret; values of None are left out."""
    values = {
        "url": simulator.api_url,
        "tenant_id": simulator.registration.tenant_id,
        "client_id": simulator.registration.client_id,
        "client_secret": simulator.registration.client_secret,
        "authority": simulator.identity_url,
        "ca_file": simulator.ca_file,
        "timeout": timedelta(seconds=20),
    } | changes
    return BusinessCentralSettings.model_validate(
        {name: value for name, value in values.items() if value is not None}
    )


async def rows(simulator: DynamicsSimulator, name: str) -> list[dict[str, Any]]:
    """Return what the simulator's books have in a set, of every company."""
    found: list[dict[str, Any]] = []
    following: int | None = 0
    async with httpx.AsyncClient(verify=False) as http:
        while following is not None:
            response = await http.get(
                f"{simulator.api_url}/_simulator/entities",
                params={"product": "business-central", "set": name, "skip": following},
            )
            page = response.raise_for_status().json()
            found += page["value"]
            following = page["next"]
    return found
