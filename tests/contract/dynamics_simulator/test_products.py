"""What every simulated product has in common, whichever it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from azure.servicebus.aio import ServiceBusClient

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from infra.local.dynamics.webhooks import ServiceBusSender, Subscription
from infra.local.dynamics.webhooks.policies import BUSINESS_EVENT
from infra.local.servicebus import LocalServiceBus, NamespaceConfig
from infra.local.servicebus.settings import QueueConfig

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PATHS = {
    "finance-operations": "/data/CustomersV3",
    "business-central": "/v2.0/production/api/v2.0/companies",
    "dataverse": "/api/data/v9.2/accounts",
    "inventory-visibility": "/api/environment/1/onhand",
    "commerce": "/Commerce/Products",
}


async def test_every_product_is_served(api: httpx.AsyncClient) -> None:
    served = (await api.get("/_simulator/health")).json()["products"]

    assert set(served) == set(_PATHS)


@pytest.mark.parametrize("path", _PATHS.values(), ids=_PATHS.keys())
@pytest.mark.parametrize(
    ("kind", "status"),
    [(FaultKind.THROTTLE, 429), (FaultKind.OUTAGE, 503), (FaultKind.SERVER_ERROR, 500)],
)
async def test_a_product_refuses_in_its_own_words(
    api: httpx.AsyncClient, simulator: DynamicsSimulator, path: str, kind: FaultKind, status: int
) -> None:
    simulator.faults.add(Fault(kind=kind, retry_after=7))

    refused = await api.get(path)

    wait = None if kind is FaultKind.SERVER_ERROR else "7"
    assert (refused.status_code, refused.headers.get("retry-after")) == (status, wait)
    assert "json" in refused.headers["content-type"]
    assert refused.json()


@pytest.mark.parametrize("path", _PATHS.values(), ids=_PATHS.keys())
async def test_nobody_gets_in_without_a_token(simulator: DynamicsSimulator, path: str) -> None:
    async with httpx.AsyncClient(base_url=simulator.api_url) as stranger:
        refused = await stranger.post(path, content=json.dumps({}))

    assert refused.status_code == 401


@pytest.mark.parametrize("product", _PATHS)
async def test_the_rows_of_every_product_can_be_seen(api: httpx.AsyncClient, product: str) -> None:
    counts = (await api.get("/_simulator/entities", params={"product": product})).json()[product]

    for name, count in counts.items():
        query = {"product": product, "set": name, "top": 10}
        page = (await api.get("/_simulator/entities", params=query)).json()
        assert page["count"] == count
        assert len(page["value"]) == min(count, 10)


async def test_a_reset_brings_the_first_rows_back(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    before = (await api.get("/_simulator/entities")).json()
    written = await api.post("/api/data/v9.2/accounts", json={"name": "New"})
    simulator.reset()

    assert written.status_code == 204
    assert (await api.get("/_simulator/entities")).json() == before


@pytest_asyncio.fixture(loop_scope="session")
async def bus() -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(NamespaceConfig(queues=(QueueConfig("events"),))) as bus:
        yield bus


async def test_notifications_reach_a_queue_of_the_local_bus(bus: LocalServiceBus) -> None:
    senders = {"sb": ServiceBusSender(bus.connection_string)}
    async with DynamicsSimulator(senders=senders) as simulator:
        simulator.webhooks.subscribe(
            Subscription("product", "s", "posted", "sb://bus/events", BUSINESS_EVENT)
        )
        simulator.webhooks.publish("product", "posted", "I1", "event", {"EventId": "1"})
        await simulator.settle()

    async with (
        ServiceBusClient.from_connection_string(bus.connection_string) as client,
        client.get_queue_receiver("events") as receiver,
    ):
        [message] = await receiver.receive_messages(max_wait_time=60)
    assert json.loads(str(message)) == {"EventId": "1"}
