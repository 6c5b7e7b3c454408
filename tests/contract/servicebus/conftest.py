"""A bus per test on free ports, with time in the test's hand where it is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus, ManualClock

pytest.register_assert_rewrite(
    "tests.contract.servicebus.scenarios",
    "tests.contract.servicebus.client",
)


def subscription(name: str, rule: str | None = None, **properties: Any) -> dict[str, Any]:
    rules = []
    if rule is not None:
        sql = {"FilterType": "Sql", "SqlFilter": {"SqlExpression": rule}}
        rules = [{"Name": "rule", "Properties": sql}]
    return {"Name": name, "Properties": properties, "Rules": rules}


CONFIG = {
    "UserConfig": {
        "Namespaces": [
            {
                "Name": "sbemulatorns",
                "Queues": [
                    {"Name": "work", "Properties": {"LockDuration": "PT1M", "MaxDeliveryCount": 3}},
                    {"Name": "sessions", "Properties": {"RequiresSession": True}},
                ],
                "Topics": [
                    {
                        "Name": "sale-completed",
                        "Properties": {
                            "RequiresDuplicateDetection": True,
                            "DuplicateDetectionHistoryTimeWindow": "PT5M",
                        },
                        "Subscriptions": [
                            subscription("all"),
                            subscription("dear", "amount > 100 AND sys.Label = 'sale'"),
                        ],
                    }
                ],
            }
        ]
    }
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def bus() -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(CONFIG) as running:
        yield running


@pytest.fixture
async def client(bus: LocalServiceBus) -> AsyncIterator[ServiceBusClient]:
    async with connect(bus) as connected:
        yield connected


def connect(bus: LocalServiceBus) -> ServiceBusClient:
    """Without retries, which would only hide or delay what the bus answered."""
    return ServiceBusClient.from_connection_string(bus.connection_string, retry_total=0)


def counts(bus: LocalServiceBus, address: str) -> dict[str, int]:
    """The counts of one entity that are not zero."""
    entity: dict[str, int] = bus.inspect()["entities"][address]
    return {name: count for name, count in entity.items() if count}


@asynccontextmanager
async def opened(*handlers: Any) -> AsyncIterator[Any]:
    """Open and close several senders and receivers at the same time: the SDK spends half a second
    waiting on each connection."""
    await asyncio.gather(*(handler.__aenter__() for handler in handlers))
    try:
        yield handlers
    finally:
        await asyncio.gather(*(handler.__aexit__(None, None, None) for handler in handlers))
