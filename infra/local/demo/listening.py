"""Listens as others would: a web shop to its answers, an auditor to what the services announce."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from infra.local.demo.books import Kept
from shared.events import DocumentPosted, Effect, Fact, OrderStatusChanged, decode

SUBSCRIPTION = "demo"
_HEARD = (DocumentPosted, OrderStatusChanged)
_PAGE = 250
_WAIT_SECONDS = 0.5


def topology_with_listeners(topology: Path, folder: Path) -> Path:
    """Write the topology with a subscription more on what is heard here; return where."""
    document = json.loads(topology.read_text())
    heard = {fact.TOPIC for fact in _HEARD}
    for namespace in document["UserConfig"]["Namespaces"]:
        for topic in namespace["Topics"]:
            if topic["Name"] in heard:
                topic["Subscriptions"].append({"Name": SUBSCRIPTION})
    extended = folder / "topology.json"
    extended.write_text(json.dumps(document))
    return extended


class Heard:
    """What was announced so far, each once however often it came."""

    def __init__(self) -> None:
        self.documents: dict[tuple[UUID, Effect], DocumentPosted] = {}
        self.answers: dict[str, OrderStatusChanged] = {}
        """The last word on each order."""

    def hear(self, fact: Fact) -> None:
        """Take in one announcement."""
        match fact:
            case DocumentPosted():
                self.documents[fact.fact_id, fact.effect] = fact
            case OrderStatusChanged():
                self.answers[fact.order] = fact

    def announced(self) -> Mapping[Kept, int]:
        """Return how many documents were announced, by effect and product."""
        return Counter((each.effect, each.document.system) for each in self.documents.values())


@asynccontextmanager
async def listening(connection_string: str) -> AsyncIterator[Heard]:
    """Yield what is heard, while it is being heard."""
    heard = Heard()
    async with ServiceBusClient.from_connection_string(connection_string) as client:
        listeners = [
            asyncio.create_task(_listen(client, fact.TOPIC, heard.hear)) for fact in _HEARD
        ]
        try:
            yield heard
        finally:
            for each in listeners:
                each.cancel()
            await asyncio.gather(*listeners)


async def _listen(client: ServiceBusClient, topic: str, hear: Callable[[Any], None]) -> None:
    receiver = client.get_subscription_receiver(
        topic, SUBSCRIPTION, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    )
    with contextlib.suppress(asyncio.CancelledError):
        async with receiver:
            while True:
                for message in await receiver.receive_messages(
                    max_message_count=_PAGE, max_wait_time=_WAIT_SECONDS
                ):
                    hear(decode(b"".join(message.body)).data)
