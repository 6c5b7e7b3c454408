"""A bus in memory on free ports with one queue, time in the test's hand, and unmodified clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus, ManualClock
from infra.local.servicebus.amqp import encode_message
from infra.local.servicebus.amqp.message import Properties
from infra.local.servicebus.server.clock import system_clock

QUEUES = [
    {"Name": "work", "Properties": {"LockDuration": "PT1M", "MaxDeliveryCount": 3}},
    {"Name": "other", "Properties": {}},
    {"Name": "visits", "Properties": {"RequiresSession": True}},
]
CONFIG = {"UserConfig": {"Namespaces": [{"Name": "sbemulatorns", "Queues": QUEUES}]}}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def bus(clock: ManualClock) -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(CONFIG, clock=clock) as running:
        yield running


def connect(bus: LocalServiceBus, **options: Any) -> ServiceBusClient:
    """Without retries unless given: they would hide what the bus did."""
    options = {"retry_total": 0, **options}
    return ServiceBusClient.from_connection_string(bus.connection_string, **options)


def patient(bus: LocalServiceBus) -> ServiceBusClient:
    """As applications connect, only quicker to try again."""
    return connect(bus, retry_total=3, retry_backoff_factor=0.01)


def put(bus: LocalServiceBus, *message_ids: str, queue: str = "work") -> None:
    """Have messages waiting: no sender is part of what the test is about."""
    messages = [
        encode_message(properties=Properties(message_id=each), data=[each.encode()])
        for each in message_ids
    ]
    bus.namespace.send(queue, messages, system_clock())


def held(bus: LocalServiceBus, queue: str = "work") -> dict[str, int]:
    """The counts of a queue that are not zero."""
    entity: dict[str, int] = bus.inspect()["entities"][queue]
    return {name: count for name, count in entity.items() if count}


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what follows from what others do on the same loop."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.005)
