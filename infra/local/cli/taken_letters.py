"""Take chosen dead letters out of their queue, with the real SDK.

Service Bus gives out a dead-letter queue from its front only: letters that lie before one that is
wanted are received with it and given back, which raises their delivery count and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import groupby
from typing import Protocol

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError

from infra.local.cli.dead_letters import PAGE

Handle = Callable[[str, str, ServiceBusReceivedMessage], Awaitable[None]]
"""What is done with a letter of (topic, subscription) before it is completed."""

_PATIENCE_SECONDS = 5
"""How long a queue may show nothing before the rest of it counts as taken by somebody else."""


class Chosen(Protocol):
    """A dead letter as it was seen in its queue."""

    @property
    def topic(self) -> str: ...
    @property
    def subscription(self) -> str: ...
    @property
    def sequence_number(self) -> int: ...


async def take_out(client: ServiceBusClient, letters: Iterable[Chosen], handle: Handle) -> int:
    """Handle and complete these letters, return how many.

    Fewer than asked for when somebody else holds or has taken some. A crash in between leaves a
    letter in its queue that was handled already: handling it again must make no difference.
    """
    taken = 0
    in_order = sorted(letters, key=lambda each: (*_queue(each), each.sequence_number))
    for (topic, subscription), of_queue in groupby(in_order, key=_queue):
        receiver = client.get_subscription_receiver(
            topic, subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )
        numbers = {letter.sequence_number for letter in of_queue}
        async with receiver:
            taken += await _take_out(receiver, numbers, partial(handle, topic, subscription))
    return taken


def _queue(letter: Chosen) -> tuple[str, str]:
    return letter.topic, letter.subscription


async def _take_out(
    receiver: ServiceBusReceiver,
    numbers: set[int],
    handle: Callable[[ServiceBusReceivedMessage], Awaitable[None]],
) -> int:
    wanted, others = set(numbers), []
    while wanted:
        messages = await receiver.receive_messages(PAGE, max_wait_time=_PATIENCE_SECONDS)
        if not messages:
            break
        for message in messages:
            if message.sequence_number not in wanted:
                others.append(message)
                continue
            await handle(message)
            await receiver.complete_message(message)
            wanted.discard(message.sequence_number)
    for message in others:
        try:
            await receiver.abandon_message(message)
        except MessageLockLostError:
            continue  # held for longer than its lock: it is back already
    return len(numbers) - len(wanted)
