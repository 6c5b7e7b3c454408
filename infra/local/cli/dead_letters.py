"""What lies in the dead-letter queues, read with the real SDK and left there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from rich.table import Table

from infra.local.cli.output import Refused, add_plain_row, narrow_table
from infra.local.platform import Addresses
from infra.local.platform.platform import TOPOLOGY
from shared.bus import Topology

PAGE = 250
_AT_ONCE = 50
"""Queues read at a time; each takes a connection."""

T = TypeVar("T")


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter as an operator sees it; times are ISO 8601 in UTC."""

    topic: str
    subscription: str
    message_id: str
    subject: str | None
    reason: str
    description: str
    enqueued_at: str | None
    deliveries: int
    sequence_number: int

    def json(self) -> dict[str, object]:
        """Return the plain form for ``--json``."""
        return asdict(self)


async def dead_letters(
    addresses: Addresses, topic: str | None = None, subscription: str | None = None
) -> list[DeadLetter]:
    """Return the dead letters of every subscription, or of those asked for, oldest first each.

    Raises `Refused` when what is asked for is not in the topology.
    """
    async with ServiceBusClient.from_connection_string(
        addresses.servicebus_connection_string
    ) as client:
        return await peek_letters(client, topic, subscription)


async def peek_letters(
    client: ServiceBusClient, topic: str | None = None, subscription: str | None = None
) -> list[DeadLetter]:
    """Return the dead letters of a bus as `dead_letters` does."""
    return await peek_all(client, queues(topic, subscription), _dead_letter)


def queues(topic: str | None = None, subscription: str | None = None) -> list[tuple[str, str]]:
    """Return topic and subscription of every dead-letter queue, or of those asked for.

    Raises `Refused` when what is asked for is not in the topology.
    """
    wanted = [
        (each, name)
        for each, subscriptions in Topology.load(TOPOLOGY).topics.items()
        for name in subscriptions
        if topic in (None, each) and subscription in (None, name)
    ]
    if not wanted:
        raise Refused(f"there is no subscription {subscription or '*'} of a topic {topic or '*'}")
    return wanted


async def peek_all(
    client: ServiceBusClient,
    wanted: Iterable[tuple[str, str]],
    read: Callable[[str, str, ServiceBusReceivedMessage], T],
) -> list[T]:
    """Return what `read` makes of each dead letter of these queues, oldest first each.

    They are left there. Queues are read side by side: the SDK takes a second to open and close one.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def of_queue(topic: str, subscription: str) -> list[T]:
        async with gate:
            letters = _peek(client, topic, subscription)
            return [read(topic, subscription, message) async for message in letters]

    found = await asyncio.gather(*(of_queue(*queue) for queue in wanted))
    return [letter for letters in found for letter in letters]


async def _peek(
    client: ServiceBusClient, topic: str, subscription: str
) -> AsyncIterator[ServiceBusReceivedMessage]:
    receiver = client.get_subscription_receiver(
        topic, subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER
    )
    async with receiver:
        next_number = 0
        while page := await receiver.peek_messages(PAGE, sequence_number=next_number):
            for message in page:
                yield message
            next_number = (page[-1].sequence_number or 0) + 1


def _dead_letter(topic: str, subscription: str, message: ServiceBusReceivedMessage) -> DeadLetter:
    enqueued = message.enqueued_time_utc
    return DeadLetter(
        topic=topic,
        subscription=subscription,
        message_id=str(message.message_id),
        subject=message.subject,
        reason=message.dead_letter_reason or "",
        description=message.dead_letter_error_description or "",
        enqueued_at=enqueued.isoformat() if enqueued else None,
        deliveries=message.delivery_count or 0,
        sequence_number=message.sequence_number or 0,
    )


def dead_letter_table(letters: Sequence[DeadLetter]) -> Table:
    """Return the dead letters as a table for a person."""
    table = narrow_table("Dead letters")
    for heading in ("queue", "fact", "reason", "description"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        add_plain_row(
            table,
            f"{letter.topic}/{letter.subscription}",
            letter.subject or letter.message_id,
            letter.reason,
            letter.description,
        )
    return table
