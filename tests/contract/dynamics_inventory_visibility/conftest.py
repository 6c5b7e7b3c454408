"""The Inventory Visibility connector against the simulator over real HTTP, with real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, ManualClock
from infra.local.dynamics.inventory_visibility import ENVIRONMENT_ID
from shared.dynamics.inventory_visibility import InventoryVisibilitySettings
from shared.dynamics.ports.stock import Movement, StockChange

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator(clock=ManualClock()) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: DynamicsSimulator) -> DynamicsSimulator:
    running.reset()
    return running


def settings_for(simulator: DynamicsSimulator, **changes: Any) -> InventoryVisibilitySettings:
    values = {
        "url": simulator.api_url,
        "tenant_id": simulator.registration.tenant_id,
        "client_id": simulator.registration.client_id,
        "client_secret": simulator.registration.client_secret,
        "authority": simulator.identity_url,
        "ca_file": simulator.ca_file,
        "timeout": timedelta(seconds=20),
        "environment_id": ENVIRONMENT_ID,
        "security_service": f"{simulator.api_url}/securityservice/token",
    }
    return InventoryVisibilitySettings.model_validate(values | changes)


def sold(number: int | str, quantity: int | str = 1, **changes: Any) -> StockChange:
    """A sale of so many cakestands in warehouse W2 of usrt."""
    values: dict[str, Any] = {
        "event_id": f"event-{number}",
        "company": "usrt",
        "item": "20223",
        "quantity": -Decimal(quantity),
        "movement": Movement.SOLD,
        "site": "S1",
        "location": "W2",
        "at": AT,
    }
    return StockChange(**(values | changes))
