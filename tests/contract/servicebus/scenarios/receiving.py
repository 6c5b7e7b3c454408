"""Receivers side by side, prefetch, waiting."""

from __future__ import annotations

import asyncio

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, scenario

RECEIVING = Topic("Receiving", "service-bus-prefetch")


@scenario(RECEIVING)
async def receiving_waits_for_a_message(client: Client, broker: Broker) -> None:
    """A receiver that waits gets a message the moment it is sent."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    waiting = asyncio.create_task(receiver.one(wait=20))
    await asyncio.sleep(0)
    await sender.send(Message(body="m"))
    assert (await waiting).text == "m"


@scenario(RECEIVING)
async def an_empty_entity_gives_nothing(client: Client, broker: Broker) -> None:
    """Receiving from an empty entity ends after the wait with nothing."""
    receiver = await client.receiver(await broker.queue())
    assert await receiver.nothing()


@scenario(RECEIVING)
async def competing_receivers_share(client: Client, broker: Broker) -> None:
    """Every message goes to exactly one of two competing receivers."""
    queue = await broker.queue()
    sender, one = await client.pair(queue, mode="receive-and-delete")
    two = await client.receiver(queue, mode="receive-and-delete")
    await sender.send_list(messages(*"abcdefghij"))
    halves = await asyncio.gather(one.receive(5), two.receive(5))
    assert sorted(texts(halves[0]) + texts(halves[1])) == list("abcdefghij")


@scenario(RECEIVING)
async def prefetched_messages_are_given_in_order(client: Client, broker: Broker) -> None:
    """Prefetched messages come in order."""
    queue = await broker.queue()
    sender = await client.sender(queue)
    await sender.send_list(messages(*"abcdefgh"))
    receiver = await client.receiver(queue, prefetch=5)
    got = []
    for _ in range(8):
        message = await receiver.one()
        await receiver.complete(message)
        got.append(message.text)
    assert got == list("abcdefgh")


@scenario(RECEIVING, needs.RELEASE_ON_CLOSE)
async def what_was_not_taken_returns_in_order(client: Client, broker: Broker) -> None:
    """What a closing receiver did not take comes to the next one, in order and uncounted."""
    queue = await broker.queue()
    sender = await client.sender(queue)
    await sender.send_list(messages(*"abcdef"))
    first = await client.receiver(queue, prefetch=5)
    await first.complete(await first.one())
    await first.close()
    second = await client.receiver(queue, mode="receive-and-delete")
    got = await second.receive(5)
    assert texts(got) == list("bcdef")
    assert {message.delivery_count for message in got} == {0}
