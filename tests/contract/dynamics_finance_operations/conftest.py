"""Every port of Finance & Operations against the simulator, over real HTTP with real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, ManualClock
from shared.dynamics import Booked, DynamicsSettings, Posting
from shared.dynamics.finance_operations import FinanceOperations, finance_operations
from tests.contract.dynamics.conftest import settings_for

CUSTOM_SERVICES = {
    operation: f"TillbusServices/TillbusPosting/{operation}"
    for operation in ("post", "cancel", "invoice", "balance")
}


def all_settings(simulator: DynamicsSimulator, **changes: Any) -> DynamicsSettings:
    """Return settings with every custom service and a data project."""
    usual: dict[str, Any] = {
        "custom_services": CUSTOM_SERVICES,
        "package_group": "Tillbus",
        "movement_offset_account": "600100",
        "customer_group": "RETAIL",
    }
    return settings_for(simulator, **(usual | changes))


@pytest.fixture(scope="session")
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(clock: ManualClock) -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: DynamicsSimulator) -> DynamicsSimulator:
    """A simulator as on its first start, but for its clock."""
    running.reset()
    return running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def signed_in(running: DynamicsSimulator) -> AsyncIterator[FinanceOperations]:
    async with finance_operations(all_settings(running), running.clock) as opened:
        yield opened


@pytest.fixture
def finance(simulator: DynamicsSimulator, signed_in: FinanceOperations) -> FinanceOperations:
    return signed_in


async def rows(simulator: DynamicsSimulator, name: str) -> list[dict[str, Any]]:
    """Return the rows of a set as the simulator keeps them."""
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        query = {"product": "finance-operations", "set": name}
        answer = await http.get("/entities", params=query)
        return list(answer.raise_for_status().json()["value"])


async def all_rows(simulator: DynamicsSimulator, name: str) -> list[dict[str, Any]]:
    """Return every row of a set, however many pages there are."""
    found: list[dict[str, Any]] = []
    query: dict[str, str | int] = {"product": "finance-operations", "set": name}
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        following: int | None = 0
        while following is not None:
            answer = await http.get("/entities", params={**query, "skip": following})
            page = answer.raise_for_status().json()
            found += page["value"]
            following = page["next"]
    return found


def key_of(posting: Posting) -> str:
    """Return the key of something booked just now."""
    assert isinstance(posting, Booked), posting
    assert not posting.already_there
    return posting.key


def assert_found(*postings: Posting) -> None:
    for posting in postings:
        assert isinstance(posting, Booked), posting
        assert posting.already_there
