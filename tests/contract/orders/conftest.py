"""The wired service against the simulator over HTTP: settings from the environment, real store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from services.orders import wiring

BUS = (
    "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=RootManageSharedAccessKey;"
    "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)
"""Nobody listens there: booking itself never talks to the bus."""

COMPANIES = {
    "dert": {"currencies": ["EUR"], "site": "S1"},
    "gbrt": {"currencies": ["GBP"], "orders": "business-central"},
}
SERVICES = {
    operation: f"TillbusServices/TillbusPosting/{operation}"
    for operation in ("post", "cancel", "invoice", "balance")
}

Workers = Callable[[str], AbstractAsyncContextManager[wiring.Wired]]


@pytest.fixture
async def simulator() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator() as running:
        yield running


@pytest.fixture
def workers(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workers:
    """Start workers as Azure does, by app settings alone; each names the store it keeps."""
    registration = simulator.registration
    common = {
        "URL": simulator.api_url,
        "TENANT_ID": registration.tenant_id,
        "CLIENT_ID": registration.client_id,
        "CLIENT_SECRET": registration.client_secret,
        "AUTHORITY": simulator.identity_url,
        "CA_FILE": str(simulator.ca_file),
    }
    for prefix in ("DYNAMICS", "BUSINESS_CENTRAL"):
        for name, value in common.items():
            monkeypatch.setenv(f"{prefix}_{name}", value)
    for name, value in {
        "ServiceBusConnection": BUS,
        "COMPANIES": json.dumps(COMPANIES),
        "DYNAMICS_CUSTOM_SERVICES": json.dumps(SERVICES),
        "BUSINESS_CENTRAL_CUSTOM_API": "tillbus/retail/v1.0",
    }.items():
        monkeypatch.setenv(name, value)

    @asynccontextmanager
    async def worker(store: str = "one.db") -> AsyncIterator[wiring.Wired]:
        monkeypatch.setenv("STORE_URL", f"sqlite+aiosqlite:///{tmp_path / store}")
        wired = await wiring._build()
        try:
            yield wired
        finally:
            await wired.aclose()

    return worker


async def rows(simulator: DynamicsSimulator, product: str, name: str) -> list[dict[str, Any]]:
    """Return what the simulator's books have in a set, of every company."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(
            f"{simulator.api_url}/_simulator/entities", params={"product": product, "set": name}
        )
        return list(answer.raise_for_status().json()["value"])
