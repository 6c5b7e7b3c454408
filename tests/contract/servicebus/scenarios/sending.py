"""Sending, one by one and in batches."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

SENDING = Topic("Sending", "service-bus-messages-payloads")

_MIB = 1024 * 1024


@scenario(SENDING)
async def messages_keep_the_order_of_sending(client: Client, broker: Broker) -> None:
    """Messages arrive in the order they were sent, each with a higher sequence number."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send(*messages("a", "b", "c"))
    got = await receiver.receive(3)
    numbers = [message.sequence_number for message in got]
    assert texts(got) == ["a", "b", "c"]
    assert numbers == sorted(set(numbers))


@scenario(SENDING)
async def a_list_is_sent_at_once(client: Client, broker: Broker) -> None:
    """A list of messages is sent as one batch and arrives as single messages in its order."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send_list(messages(*"abcde"))
    got = await receiver.receive(5)
    assert texts(got) == list("abcde")
    assert len({message.sequence_number for message in got}) == 5


@scenario(SENDING)
async def a_batch_takes_what_fits(client: Client, broker: Broker) -> None:
    """A batch takes messages up to the size the service allows and arrives whole."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    sent, limit = await sender.send_batch([Message(body=b"x" * 50_000)] * 40)
    got = await receiver.receive(sent)
    assert sent == limit // 50_000 or sent == limit // 50_000 - 1
    assert {len(message.body) for message in got} == {50_000}


@scenario(SENDING)
async def batched_messages_keep_their_own_fields(client: Client, broker: Broker) -> None:
    """Messages of one batch keep their own ids, subjects and properties."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send_batch(
        [
            Message(body=f"{n}", message_id=f"id-{n}", subject=f"s{n}", properties={"n": n})
            for n in range(3)
        ]
    )
    got = await receiver.receive(3)
    assert [(each.message_id, each.subject, each.properties) for each in got] == [
        (f"id-{n}", f"s{n}", {"n": n}) for n in range(3)
    ]


@scenario(SENDING)
async def a_large_message_arrives_whole(client: Client, broker: Broker) -> None:
    """A message of 200 KB, many frames long, arrives whole."""
    body = bytes(range(256)) * 800
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(Message(body=body))
    got = await receiver.one()
    await receiver.complete(got)
    assert got.body == body


@scenario(SENDING)
async def too_large_a_message_is_refused(client: Client, broker: Broker) -> None:
    """A message larger than the link allows is refused with message-size-exceeded."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    with refused("message-size-exceeded"):
        await sender.send(Message(body=b"x" * (2 * _MIB)))
    await sender.send(Message(body="small"))
    assert (await receiver.one()).text == "small"


@scenario(SENDING)
async def an_unknown_entity_is_not_found(client: Client, broker: Broker) -> None:
    """Sending to and receiving from an entity that does not exist is refused with not-found."""
    name = broker.name("missing")
    with refused("not-found"):
        await (await client.sender(name)).send(Message(body="x"))
    with refused("not-found"):
        await (await client.receiver(name)).once(1, wait=1)


@scenario(SENDING)
async def names_are_case_insensitive(client: Client, broker: Broker) -> None:
    """The name of an entity is found in any case."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue.upper(), mode="receive-and-delete")
    await sender.send(Message(body="x"))
    assert (await receiver.one()).text == "x"
