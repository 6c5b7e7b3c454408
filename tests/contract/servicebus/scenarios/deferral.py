"""Deferred messages."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

DEFERRAL = Topic("Deferral", "message-deferral")


@scenario(DEFERRAL)
async def several_are_received_by_number(client: Client, broker: Broker) -> None:
    """Several deferred messages are received by their sequence numbers at once, and settled."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send_list(messages("a", "b"))
    numbers = []
    for message in await receiver.receive(2):
        await receiver.defer(message)
        numbers.append(message.sequence_number)
    got = await receiver.deferred(*numbers)
    await receiver.complete(*got)
    assert texts(got) == ["a", "b"]
    assert await receiver.peek() == []


@scenario(DEFERRAL)
async def a_number_that_is_not_deferred_is_refused(client: Client, broker: Broker) -> None:
    """Asking for a number that is not deferred is refused with message-not-found."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(Message(body="m"))
    [active] = await receiver.peek()
    with refused("message-not-found"):
        await receiver.deferred(active.sequence_number)
    with refused("message-not-found"):
        await receiver.deferred(98765)


@scenario(DEFERRAL)
async def an_abandoned_deferred_message_stays_deferred(client: Client, broker: Broker) -> None:
    """An abandoned deferred message stays deferred and counts the delivery."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(Message(body="m"))
    message = await receiver.one()
    await receiver.defer(message)
    [first] = await receiver.deferred(message.sequence_number)
    await receiver.abandon(first)
    [peeked] = await receiver.peek()
    [again] = await receiver.deferred(message.sequence_number)
    await receiver.complete(again)
    assert peeked.state == "deferred"
    assert again.delivery_count > first.delivery_count


@scenario(DEFERRAL)
async def deferred_messages_can_be_dead_lettered(client: Client, broker: Broker) -> None:
    """A deferred message can be dead-lettered."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="m"))
    message = await receiver.one()
    await receiver.defer(message)
    [deferred] = await receiver.deferred(message.sequence_number)
    await receiver.dead_letter(deferred, "too late")
    dead = await (await client.receiver(queue, sub_queue="dead-letter")).one()
    assert (dead.text, dead.dead_letter_reason) == ("m", "too late")


@scenario(DEFERRAL)
async def receive_and_delete_takes_deferred_messages(client: Client, broker: Broker) -> None:
    """In receive-and-delete mode a deferred message is removed as it is received."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="m"))
    message = await receiver.one()
    await receiver.defer(message)
    taking = await client.receiver(queue, mode="receive-and-delete")
    [taken] = await taking.deferred(message.sequence_number)
    assert taken.text == "m"
    assert await receiver.peek() == []
