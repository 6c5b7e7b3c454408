"""The simulated Inventory Visibility's own rules, as Microsoft's page describes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator
from infra.local.dynamics.inventory_visibility import ENVIRONMENT_ID
from tests.contract.dynamics_simulator.talking import access_token, api_client

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = f"/api/environment/{ENVIRONMENT_ID}"
ENTRA = "0cdb527f-a8d1-4bf8-9436-b352c68682b2"


async def asked_for(simulator: DynamicsSimulator) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": "aad_app",
        "client_assertion": await access_token(simulator, ENTRA),
        "scope": "https://inventoryservice.operations365.dynamics.com/.default",
        "context": ENVIRONMENT_ID,
        "context_type": "finops-env",
    }


@pytest_asyncio.fixture(loop_scope="session")
async def stock(simulator: DynamicsSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(simulator, {"Api-Version": "1.0"}) as client:
        body = await asked_for(simulator)
        answer = await client.post("/securityservice/token", json=body, follow_redirects=True)
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def event(identifier: str = "Test201", **changes: Any) -> dict[str, Any]:
    """The page's sample of a T-shirt returned."""
    return {
        "id": identifier,
        "organizationId": "usmf",
        "productId": "T-shirt",
        "dimensionDataSource": "pos",
        "dimensions": {"siteId": "1", "locationId": "11", "posMachineId": "1", "colorId": "red"},
        "quantities": {"pos": {"inbound": 1}},
    } | changes


def query(**changes: Any) -> dict[str, Any]:
    filters = {
        "organizationId": ["usmf"], "productId": ["T-shirt"], "siteId": ["1"],
        "locationId": ["11", "12"],
    }  # fmt: skip
    return {"filters": filters | changes, "groupByValues": ["colorId"], "returnNegative": True}


async def test_the_known_address_leads_to_the_regions(simulator: DynamicsSimulator) -> None:
    async with api_client(simulator) as client:
        body = await asked_for(simulator)
        answer = await client.post("/securityservice/token", json=body)
        assert answer.status_code == 307
        there = await client.post(answer.headers["location"], json=body)
    assert there.json()["token_type"] == "bearer"


@pytest.mark.parametrize(
    ("member", "status"),
    [("context", 400), ("scope", 400), ("client_assertion", 401), ("grant_type", 400)],
)
async def test_a_wrong_exchange_is_refused(
    simulator: DynamicsSimulator, member: str, status: int
) -> None:
    async with api_client(simulator) as client:
        body = await asked_for(simulator) | {member: "wrong"}
        answer = await client.post("/securityservice/il101/token", json=body)
    assert answer.status_code == status


async def test_an_entra_token_alone_does_not_open_the_service(
    simulator: DynamicsSimulator, stock: httpx.AsyncClient
) -> None:
    headers = {"Authorization": f"Bearer {await access_token(simulator, ENTRA)}"}
    answer = await stock.post(f"{ROOT}/onhand", json=event(), headers=headers)
    assert answer.status_code == 401


async def test_the_sample_change_is_counted_once_and_answered_in_lower_case(
    stock: httpx.AsyncClient,
) -> None:
    first = await stock.post(f"{ROOT}/onhand", json=event())
    assert first.json()["processingStatus"] == "success"
    await stock.post(f"{ROOT}/onhand/bulk", json=[event(), event("Test202")])
    [row] = (await stock.post(f"{ROOT}/onhand/indexquery", json=query())).json()
    assert row["productId"] == "T-shirt"
    assert row["dimensions"] == {"colorid": "red"}
    assert row["quantities"]["pos"] == {"inbound": 2}
    assert row["quantities"]["iv"]["availabletoreserve"] == 2


@pytest.mark.parametrize(
    "change",
    [
        {"dimensions": {"siteId": "1", "colorId": "red"}},
        {"dimensionDataSource": ""},
        {"quantities": {}},
        {"quantities": {"pos": {"unheard": 1}}},
        {"quantities": {"pos": {"inbound": "1"}}},
        {"id": ""},
    ],
)
async def test_an_incomplete_entry_is_refused_without_the_others(
    stock: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    answer = await stock.post(
        f"{ROOT}/onhand/bulk", json=[event("1"), event("2", **change), event("3")]
    )
    assert [each["processingStatus"] for each in answer.json()] == ["success", "failed", "success"]


async def test_a_bulk_has_at_most_512_entries(stock: httpx.AsyncClient) -> None:
    entries = [event(str(n)) for n in range(513)]
    assert (await stock.post(f"{ROOT}/onhand/bulk", json=entries)).status_code == 400
    assert (await stock.post(f"{ROOT}/onhand/bulk", json=entries[:512])).status_code == 200


@pytest.mark.parametrize(
    "filters",
    [
        {"siteId": []},
        {"organizationId": ["usmf", "usrt"]},
        {"productId": [str(n) for n in range(5001)]},
        {"siteId": [str(n) for n in range(51)]},
        {"machineId": ["1"]},
    ],
)
async def test_a_query_that_is_too_large_or_incomplete_is_refused(
    stock: httpx.AsyncClient, filters: dict[str, list[str]]
) -> None:
    answer = await stock.post(f"{ROOT}/onhand/indexquery", json=query(**filters))
    assert answer.status_code == 400


async def test_what_is_released_beyond_a_reservation_is_told(stock: httpx.AsyncClient) -> None:
    place = {"siteId": "1", "locationId": "11"}
    await stock.post(
        f"{ROOT}/onhand", json=event(dimensions=place, quantities={"pos": {"inbound": 10}})
    )
    reserve = {
        "id": "reserve-0", "organizationId": "usmf", "productId": "T-shirt", "quantity": 10,
        "quantityDataSource": "iv", "modifier": "softReservOrdered",
        "ifCheckAvailForReserv": True, "dimensions": place,
    }  # fmt: skip
    reserved = (await stock.post(f"{ROOT}/onhand/reserve", json=reserve)).json()
    more = await stock.post(f"{ROOT}/onhand/reserve", json=reserve | {"id": "1", "quantity": 1})
    assert more.status_code == 400
    unchecked = reserve | {"id": "2", "ifCheckAvailForReserv": False}
    assert (await stock.post(f"{ROOT}/onhand/reserve", json=unchecked)).status_code == 200
    release = {
        "id": "unreserve-0", "organizationId": "usmf", "dimensions": place, "OffsetQty": 12,
        "reservationId": reserved["reservationId"],
    }  # fmt: skip
    answer = (await stock.post(f"{ROOT}/onhand/unreserve", json=release)).json()
    assert (answer["processingStatus"], answer["totalInvalidOffsetQtyByReservId"]) == (
        "partialSuccess", 2,
    )  # fmt: skip
    elsewhere = release | {"id": "1", "dimensions": {"siteId": "1", "locationId": "12"}}
    assert (await stock.post(f"{ROOT}/onhand/unreserve", json=elsewhere)).status_code == 400
