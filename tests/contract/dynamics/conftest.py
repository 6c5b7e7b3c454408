"""The connector against a Dynamics over real HTTP, signed in with real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import DynamicsSettings


@pytest.fixture
async def simulator() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator() as running:
        yield running


def settings_for(simulator: DynamicsSimulator, **changes: Any) -> DynamicsSettings:
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
    return DynamicsSettings.model_validate(
        {name: value for name, value in values.items() if value is not None}
    )


async def inspect(simulator: DynamicsSimulator, page: str) -> Any:
    """Return the JSON of one of the simulator's own pages, such as `transactions`."""
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{simulator.api_url}/_simulator/{page}")
        return response.raise_for_status().json()
