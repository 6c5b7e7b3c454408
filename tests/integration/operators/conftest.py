"""Commands of an operator against a real store and the dead-letter queues of the local bus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from infra.local.cli.stores import STORE_FILE
from infra.local.platform import Addresses
from infra.local.servicebus import LocalServiceBus
from shared.clock import utc_now
from shared.store import Store
from tests.commands import ROOT, tillbus
from tests.integration.bus.receiving import take

TOPOLOGY = ROOT / "infra" / "topology.json"


@dataclass
class Place:
    """A platform as far as the command needs one: a bus, a store, and where they are."""

    data: Path
    client: ServiceBusClient
    store: Store
    _numbers: defaultdict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(count))

    async def tillbus(self, *arguments: str) -> tuple[int, str]:
        """Run a command as a user would."""
        return await tillbus(*arguments, "--data", str(self.data))

    async def bury(
        self, topic: str, subscription: str, *bodies: bytes, reason: str = "invalid-data"
    ) -> None:
        """Put messages into a dead-letter queue, in this order, refused as `reason`.

        Their ids are `<subscription>-<number>`, from 0."""
        sender = self.client.get_topic_sender(topic)
        receiver = self.client.get_subscription_receiver(topic, subscription)
        async with sender, receiver:
            await sender.send_messages(
                [
                    ServiceBusMessage(
                        body, message_id=f"{subscription}-{next(self._numbers[subscription])}"
                    )
                    for body in bodies
                ]
            )
            for message in await take(receiver, len(bodies)):
                await receiver.dead_letter_message(
                    message, reason=reason, error_description="lines.0: no such item"
                )

    async def buried(self, topic: str, subscription: str) -> list[ServiceBusReceivedMessage]:
        receiver = self.client.get_subscription_receiver(
            topic, subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )
        async with receiver:
            return await receiver.peek_messages(100)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with LocalServiceBus(TOPOLOGY) as bus:
        amqp = bus.connection_string.split("sb://")[1].split(";")[0].rstrip("/")
        Addresses(
            amqp=amqp,
            bus_admin="",
            dynamics="",
            identity="",
            identity_ca="",
            appinsights="",
            functions="",
        ).write(tmp_path)
        url = f"sqlite+aiosqlite:///{tmp_path / STORE_FILE}"
        async with (
            ServiceBusClient.from_connection_string(bus.connection_string) as client,
            await Store.open(url, utc_now) as store,
        ):
            yield Place(tmp_path, client, store)
