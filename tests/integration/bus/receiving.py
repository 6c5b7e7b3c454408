"""Read from the real bus until what is expected has arrived."""

from __future__ import annotations

from azure.servicebus import (
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from infra.local.servicebus import LocalServiceBus

PATIENCE_SECONDS = 60
"""How long a test waits for what must come, on a machine that has much else to do."""


async def take(
    receiver: ServiceBusReceiver, count: int, *, seconds: float = PATIENCE_SECONDS
) -> list[ServiceBusReceivedMessage]:
    """Return `count` messages, fewer only if the bus stays silent for `seconds`."""
    taken: list[ServiceBusReceivedMessage] = []
    while len(taken) < count:
        got = await receiver.receive_messages(count - len(taken), max_wait_time=seconds)
        if not got:
            break
        taken += got
    return taken


async def take_all(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    """Return what there is: `count` messages, however long they take, and any that should not."""
    return [*await take(receiver, count), *await take(receiver, 1, seconds=0.5)]


async def everything(
    bus: LocalServiceBus, client: ServiceBusClient, topic: str, subscription: str
) -> list[ServiceBusReceivedMessage]:
    """Take what lies in a subscription; the bus says how much that is, so no silence has to."""
    count: int = bus.inspect()["entities"][f"{topic}/Subscriptions/{subscription}"]["active"]
    async with client.get_subscription_receiver(
        topic, subscription, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    ) as receiver:
        return await take(receiver, count)


async def dead_letters(
    client: ServiceBusClient, topic: str, subscription: str, count: int
) -> list[ServiceBusReceivedMessage]:
    """Return what lies in a subscription's dead-letter queue, once `count` are there."""
    async with client.get_subscription_receiver(
        topic, subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER
    ) as receiver:
        return await take(receiver, count)
