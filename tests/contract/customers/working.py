"""A worker of the customers service as Azure starts one, against a running Dynamics simulator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from services.customers import wiring
from shared.bus import Delivery
from shared.events import Fact, new_event
from shared.reviews import CONFLICTS, Conflict, conflict_of

BUS = (
    "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=RootManageSharedAccessKey;"
    "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)
"""Nobody listens there: booking itself never talks to the bus."""

COMPANIES = {
    "gbrt": {"currencies": ["GBP"], "gift_cards": "dataverse", "points_per_unit": "1"},
    "usrt": {"currencies": ["USD"], "loyalty": "finance-operations"},
    "dert": {"currencies": ["EUR"], "customers": ["business-central", "dataverse"]},
}

PREFIXES = ("DYNAMICS", "BUSINESS_CENTRAL", "DATAVERSE")


@asynccontextmanager
async def worker(
    simulator: DynamicsSimulator,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    authority: dict[str, Any] | None = None,
) -> AsyncIterator[wiring.Wired]:
    """Give a worker that knows nothing but its app settings."""
    registration = simulator.registration
    values = {
        "ServiceBusConnection": BUS,
        "STORE_URL": f"sqlite+aiosqlite:///{store}",
        "COMPANIES": json.dumps(COMPANIES),
        "AUTHORITY": json.dumps(authority or {}),
    }
    for prefix in PREFIXES:
        values |= {
            f"{prefix}_URL": simulator.api_url,
            f"{prefix}_TENANT_ID": registration.tenant_id,
            f"{prefix}_CLIENT_ID": registration.client_id,
            f"{prefix}_CLIENT_SECRET": registration.client_secret,
            f"{prefix}_AUTHORITY": simulator.identity_url,
            f"{prefix}_CA_FILE": str(simulator.ca_file),
        }
    values["DYNAMICS_CUSTOMER_GROUP"] = "RETAIL"
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    wired = await wiring._build()
    try:
        yield wired
    finally:
        await wired.aclose()


def delivery(fact: Fact) -> Delivery:
    now = datetime.now(UTC)
    event: Any = new_event(fact, source="/tills/gbrt", time=now)
    return Delivery(event=event, attempt=1, first_seen=now, message_id=str(event.id))


async def rows(simulator: DynamicsSimulator, product: str, entity_set: str) -> list[dict[str, Any]]:
    """Return what the simulator holds, past the API."""
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        query = {"product": product, "set": entity_set, "top": "10000"}
        answer = await http.get("/entities", params=query)
        return list(answer.raise_for_status().json()["value"])


async def conflicts(wired: wiring.Wired) -> list[Conflict]:
    return [conflict_of(each) for each in await wired.records.find(CONFLICTS)]
