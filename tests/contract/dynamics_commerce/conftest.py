"""The Commerce connector against the simulator over real HTTP, with real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics.commerce import CommerceSettings
from shared.dynamics.ports.documents import DocumentKind, SalesDocument, SalesLine, Tender


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: DynamicsSimulator) -> DynamicsSimulator:
    running.reset()
    return running


def settings_for(simulator: DynamicsSimulator, **changes: Any) -> CommerceSettings:
    values = {
        "url": simulator.api_url,
        "tenant_id": simulator.registration.tenant_id,
        "client_id": simulator.registration.client_id,
        "client_secret": simulator.registration.client_secret,
        "authority": simulator.identity_url,
        "ca_file": simulator.ca_file,
        "timeout": timedelta(seconds=20),
        "company": "usrt",
        "operating_unit": "101",
        "channel_id": 5637144592,
        "store": "STORE101",
        "terminal": "T1",
    }
    return CommerceSettings.model_validate(values | changes)


def sale(number: int | str, amount: str = "12.75", **changes: Any) -> SalesDocument:
    """A cakestand for Ada Hartmann, paid in cash."""
    values: dict[str, Any] = {
        "kind": DocumentKind.INVOICE,
        "company": "usrt",
        "key": f"web:101:T1:{number}",
        "customer": "C-1002",
        "day": date(2026, 3, 2),
        "currency": "USD",
        "lines": (
            SalesLine(1, "20223", Decimal(1), Decimal(amount), tax=Decimal("0.75"), unit="ea"),
        ),
        "location": "W2",
        "tenders": (Tender("1", Decimal(amount)),),
    }
    return SalesDocument(**(values | changes))
