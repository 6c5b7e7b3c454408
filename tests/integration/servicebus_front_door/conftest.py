"""A bus on free ports, with and without keys."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infra.local.servicebus import AuthorizationRule, LocalServiceBus, ManualClock

QUEUES = [{"Name": "work", "Properties": {}}, {"Name": "other", "Properties": {}}]
TOPICS = [{"Name": "sales", "Properties": {}, "Subscriptions": [{"Name": "all"}]}]
CONFIG = {"UserConfig": {"Namespaces": [{"Name": "sb", "Queues": QUEUES, "Topics": TOPICS}]}}

POLICIES = {
    right: AuthorizationRule(right.lower(), frozenset({right}), f"{right}-1", f"{right}-2")
    for right in ("Listen", "Send", "Manage")
}


@pytest.fixture
async def bus() -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(CONFIG) as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def locked_bus(clock: ManualClock) -> AsyncIterator[LocalServiceBus]:
    """One that has keys."""
    async with LocalServiceBus(CONFIG, keys=tuple(POLICIES.values()), clock=clock) as running:
        yield running
