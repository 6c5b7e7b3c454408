"""A worker as Azure starts one, on a running simulator: all it knows comes from app settings."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, ManualClock
from infra.local.dynamics.inventory_visibility import ENVIRONMENT_ID
from services.inventory import wiring
from services.inventory.collaborators import Lane

BUS = (
    "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=RootManageSharedAccessKey;"
    "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)
"""Nobody listens there: booking itself never talks to the bus."""

CUSTOM_API = "tillbus/retail/v1.0"
POST = {"post": "TillbusServices/TillbusPosting/post"}


@dataclass(frozen=True)
class Product:
    """A book of stock of the simulator: who keeps it, and two stores and items it knows."""

    system: str
    company: str
    currency: str
    site: str
    stores: tuple[str, str]
    items: tuple[str, str]
    writes: str
    """What its requests that change stock have in their path."""

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "currencies": [self.currency],
            "stock": self.system,
            "site": self.site,
            "sales_move_stock": False,
        }


INVENTORY_VISIBILITY = Product(
    "inventory-visibility", "usrt", "USD", "S1", ("W1", "W2"), ("20223", "20117"), "onhand(/bulk)?$"
)
FINANCE_OPERATIONS = Product(
    "finance-operations", "gbrt", "GBP", "S1", ("W1", "W2"), ("20223", "20117"), "Journal|batch"
)
BUSINESS_CENTRAL = Product(
    "business-central", "dert", "EUR", "", ("STORE1", "STORE2"), ("10002", "10004"),
    "stockMovements|batch",
)  # fmt: skip
PRODUCTS = (INVENTORY_VISIBILITY, FINANCE_OPERATIONS, BUSINESS_CENTRAL)


@pytest.fixture(params=PRODUCTS, ids=lambda each: each.system)
def product(request: pytest.FixtureRequest) -> Product:
    found: Product = request.param
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator(clock=ManualClock()) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: DynamicsSimulator) -> DynamicsSimulator:
    running.reset()
    return running


@asynccontextmanager
async def worker(
    simulator: DynamicsSimulator,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    *products: Product,
    **more: str,
) -> AsyncIterator[wiring.Wired]:
    """Give the collaborators of a worker whose settings name the companies of these products."""
    registration = simulator.registration
    signing_in = {
        "URL": simulator.api_url,
        "TENANT_ID": registration.tenant_id,
        "CLIENT_ID": registration.client_id,
        "CLIENT_SECRET": registration.client_secret,
        "AUTHORITY": simulator.identity_url,
        "CA_FILE": str(simulator.ca_file),
    }
    values = {
        "ServiceBusConnection": BUS,
        "STORE_URL": f"sqlite+aiosqlite:///{store}",
        "STOCK_WINDOW": "PT0S",
        "COMPANIES": json.dumps({each.company: each.settings for each in products}),
        "BUSINESS_CENTRAL_CUSTOM_API": CUSTOM_API,
        "DYNAMICS_CUSTOM_SERVICES": json.dumps(POST),
        "INVENTORY_VISIBILITY_ENVIRONMENT_ID": ENVIRONMENT_ID,
        "INVENTORY_VISIBILITY_SECURITY_SERVICE": f"{simulator.api_url}/securityservice/token",
        **more,
    }
    for prefix in ("DYNAMICS", "BUSINESS_CENTRAL", "INVENTORY_VISIBILITY"):
        values |= {f"{prefix}_{name}": value for name, value in signing_in.items()}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    wired = await wiring._build()
    try:
        yield wired
    finally:
        await wired.aclose()


async def on_hand(wired: wiring.Wired, product: Product) -> dict[tuple[str, str], Decimal]:
    """Return what Dynamics has, by store and item; what it has no row of is not there."""
    levels = wired.keepers[Lane(product.system, late=False)].book.levels
    sites = (product.site,) if product.site else ()
    found = await levels.on_hand(product.company, product.items, product.stores, sites)
    return {(each.location, each.item): each.on_hand for each in found if not each.variant}


async def rows(simulator: DynamicsSimulator, product: str, name: str) -> list[Mapping[str, Any]]:
    """Return what the simulator's books have in a set, of every company."""
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        answer = await http.get(
            "/entities", params={"product": product, "set": name, "top": 10_000}
        )
        found: list[Mapping[str, Any]] = answer.raise_for_status().json()["value"]
        return found
