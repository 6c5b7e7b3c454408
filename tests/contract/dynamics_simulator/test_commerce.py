"""The simulated Retail Server's own rules, with captured requests where they are at hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator
from tests.contract.dynamics_simulator.talking import access_token, api_client

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAMPLES = Path(__file__).parents[4] / "shared/data/d365/commerce-retail-server"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not here")

CHANNEL = 5637144592
PRODUCTS = [68719490000, 68719490001]


@pytest_asyncio.fixture(loop_scope="session")
async def channel(simulator: DynamicsSimulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"id_token {await access_token(simulator)}", "OUN": "101"}
    async with api_client(simulator, headers) as client:
        client.base_url = f"{simulator.api_url}/Commerce/"
        yield client


def order(identifier: str = "O-1", **changes: Any) -> dict[str, Any]:
    return {
        "Id": identifier,
        "ChannelReferenceId": identifier,
        "ChannelId": CHANNEL,
        "StoreId": "STORE101",
        "TerminalId": "T1",
        "CurrencyCode": "USD",
        "BeginDateTime": "2026-03-02T12:00:00Z",
        "TotalAmount": 2.55,
        "AmountPaid": 2.55,
        "SalesLines": [{"ItemId": "20117", "ProductId": PRODUCTS[0], "Quantity": 1}],
        "TenderLines": [{"Amount": 2.55}],
    } | changes


def resource_id(answer: httpx.Response) -> str:
    """What a client of Microsoft's SDK finds in an error."""
    thrown = json.loads(answer.json()["Exception"])
    assert answer.json()["TypeName"]
    assert thrown["LocalizedMessage"]
    return str(thrown["ErrorResourceId"]).removeprefix("Microsoft_Dynamics_Commerce_Runtime_")


@needs_samples
async def test_the_captured_upload_is_taken(channel: httpx.AsyncClient) -> None:
    """With what only this simulator knows: its store, product and channel."""
    captured = json.loads((SAMPLES / "sales_order_upload_store.json").read_text())
    captured |= {"Id": "S-1", "StoreId": "STORE101", "ChannelId": CHANNEL}
    captured["SalesLines"][0] |= {"ItemId": "20117", "ProductId": PRODUCTS[0]}
    answer = await channel.post("SalesOrders", json=captured)
    assert answer.status_code == 201, answer.text
    there = (await channel.get("SalesOrders('S-1')")).json()
    assert there | captured == there | {"@odata.context": captured["@odata.context"]}


@needs_samples
@pytest.mark.parametrize(
    "name",
    [
        "Exercise  3: Anonymous-GetActivePrices",
        "Exercise 3: Get Customer by Email",
        "Exercise 2: Search Customer",
        "Exercise 1: Anonymous-SearchByText",
    ],
)
async def test_captured_requests_are_understood(channel: httpx.AsyncClient, name: str) -> None:
    captured = json.loads((SAMPLES / "retail_server_requests.json").read_text())
    [request] = [each for each in captured if each["name"] == name]
    body = request["body"]
    if body and "productIds" in body:
        body["productIds"] = PRODUCTS
    path = request["url"].split("}}/", 1)[1]
    answer = await channel.request(request["method"], path, json=body)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["value"], list)


async def test_a_second_upload_under_one_id_is_refused(channel: httpx.AsyncClient) -> None:
    assert (await channel.post("SalesOrders", json=order())).status_code == 201
    assert resource_id(await channel.post("SalesOrders", json=order())) == "DuplicateObject"


@pytest.mark.parametrize(
    ("changes", "resource"),
    [
        ({"Id": ""}, "MissingParameter"),
        ({"Id": "x" * 45}, "InvalidFormat"),
        ({"ChannelId": 1}, "InvalidFormat"),
        ({"StoreId": "OTHER"}, "ObjectNotFound"),
        ({"CurrencyCode": "EUR"}, "InvalidFormat"),
        ({"SalesLines": []}, "MissingParameter"),
        ({"SalesLines": [{"ItemId": "none", "ProductId": 1, "Quantity": 1}]}, "ObjectNotFound"),
        ({"SalesLines": [{"ItemId": "20223", "ProductId": 1, "Quantity": 1}]}, "InvalidFormat"),
        ({"AmountPaid": 2}, "InvalidFormat"),
    ],
)
async def test_an_upload_that_cannot_be_right_is_refused(
    channel: httpx.AsyncClient, changes: dict[str, Any], resource: str
) -> None:
    assert resource_id(await channel.post("SalesOrders", json=order(**changes))) == resource


async def test_what_is_not_there_is_not_found(channel: httpx.AsyncClient) -> None:
    path = "SalesOrders/GetOrderByChannelReferenceLookupCriteria"
    criteria = {"channelReferenceLookupCriteria": {"ChannelReferenceId": "O-9"}}
    assert resource_id(await channel.post(path, json=criteria)) == "ObjectNotFound"
    assert resource_id(await channel.get("SalesOrders('O-9')")) == "ObjectNotFound"
    assert resource_id(await channel.get("Customers('C-9')")) == "ObjectNotFound"
    assert (await channel.post("SalesOrders/Unheard", json={})).status_code == 404


async def test_a_request_names_its_operating_unit(channel: httpx.AsyncClient) -> None:
    answer = await channel.get("Customers('C-1002')", headers={"OUN": "999"})
    assert answer.status_code == 400
    other = await channel.get("Customers('C-1002')", headers={"OUN": "103"})
    assert other.json()["CurrencyCode"] == "EUR"


async def test_both_schemes_of_a_token_are_taken_and_no_other(
    simulator: DynamicsSimulator, channel: httpx.AsyncClient
) -> None:
    token = await access_token(simulator)
    for scheme, status in (("id_token", 200), ("Bearer", 200), ("Basic", 401)):
        headers = {"Authorization": f"{scheme} {token}"}
        answer = await channel.get("Customers('C-1002')", headers=headers)
        assert answer.status_code == status


async def test_collections_come_in_windows(channel: httpx.AsyncClient) -> None:
    search = f"Products/SearchByText(channelId={CHANNEL},catalogId=0,searchText='')"
    every = (await channel.get(search)).json()["value"]
    page = (await channel.get(f"{search}?$top=2&$skip=1&$count=true")).json()
    assert page == {"value": every[1:3], "@odata.count": len(every)}
    assert (await channel.get(f"{search}?$top=some")).status_code == 400
