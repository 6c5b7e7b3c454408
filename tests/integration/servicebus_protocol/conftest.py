"""A bus per test, in virtual time where the test moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import (
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)

CONFIG = NamespaceConfig(
    queues=(
        QueueConfig("work"),
        QueueConfig("other"),
        QueueConfig("once", requires_duplicate_detection=True),
        QueueConfig("sessions", requires_session=True),
    ),
    topics=(TopicConfig("news", subscriptions=(SubscriptionConfig("a"), SubscriptionConfig("b"))),),
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def bus(clock: ManualClock) -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(CONFIG, clock=clock) as running:
        yield running
