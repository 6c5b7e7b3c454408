"""A worker as Azure starts one, on a running simulator: all it knows comes from app settings."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from services.sales import wiring

BUS = (
    "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=RootManageSharedAccessKey;"
    "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)
"""Nobody listens there: booking itself never talks to the bus."""

COMPANIES: Mapping[str, Any] = {
    "usrt": {"currencies": ["USD"]},
    "gbrt": {"currencies": ["GBP"]},
}
CHANNEL = {
    "COMPANY": "usrt",
    "OPERATING_UNIT": "101",
    "CHANNEL_ID": "5637144592",
    "STORE": "STORE101",
    "TERMINAL": "T1",
}


@pytest.fixture
async def simulator() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator() as running:
        yield running


def environment(
    simulator: DynamicsSimulator, store: Path, companies: Mapping[str, Any]
) -> dict[str, str]:
    """Return the app settings of a worker whose products are all this simulator's."""
    registration = simulator.registration
    signing_in = {
        "URL": simulator.api_url,
        "TENANT_ID": registration.tenant_id,
        "CLIENT_ID": registration.client_id,
        "CLIENT_SECRET": registration.client_secret,
        "AUTHORITY": simulator.identity_url,
        "CA_FILE": str(simulator.ca_file),
    }
    products = {
        f"{prefix}_{name}": value
        for prefix in ("DYNAMICS", "BUSINESS_CENTRAL", "COMMERCE")
        for name, value in signing_in.items()
    }
    return {
        "ServiceBusConnection": BUS,
        "STORE_URL": f"sqlite+aiosqlite:///{store}",
        "COMPANIES": json.dumps(companies),
        **{f"COMMERCE_{name}": value for name, value in CHANNEL.items()},
        **products,
    }


@asynccontextmanager
async def worker(
    simulator: DynamicsSimulator,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    companies: Mapping[str, Any] = COMPANIES,
    **more: str,
) -> AsyncIterator[wiring.Wired]:
    """Give the collaborators of a worker whose settings name these companies."""
    for name, value in {**environment(simulator, store, companies), **more}.items():
        monkeypatch.setenv(name, value)
    wired = await wiring._build()
    try:
        yield wired
    finally:
        await wired.aclose()


async def rows(simulator: DynamicsSimulator, product: str, name: str) -> list[dict[str, Any]]:
    """Return what the simulator's books have in a set, of every company."""
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        answer = await http.get(
            "/entities", params={"product": product, "set": name, "top": 10_000}
        )
        found: list[dict[str, Any]] = answer.raise_for_status().json()["value"]
        return found
