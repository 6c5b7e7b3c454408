"""Read from the real bus until what is expected has arrived."""

from __future__ import annotations

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver


async def take(
    receiver: ServiceBusReceiver, count: int, *, seconds: float = 15
) -> list[ServiceBusReceivedMessage]:
    """Return `count` messages, fewer only if the bus stays silent for `seconds`."""
    taken: list[ServiceBusReceivedMessage] = []
    while len(taken) < count:
        got = await receiver.receive_messages(count - len(taken), max_wait_time=seconds)
        if not got:
            break
        taken += got
    return taken


async def dead_letters(
    client: ServiceBusClient, topic: str, subscription: str, count: int
) -> list[ServiceBusReceivedMessage]:
    """Return what lies in a subscription's dead-letter queue, once `count` are there."""
    async with client.get_subscription_receiver(
        topic, subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER
    ) as receiver:
        return await take(receiver, count)
