"""Auto-forwarding between entities."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

FORWARDING = Topic("Forwarding", "service-bus-auto-forwarding")


@scenario(FORWARDING)
async def queues_forward(client: Client, broker: Broker) -> None:
    """A queue forwards everything to its target, in order, with the fields kept."""
    target = await broker.queue()
    source = await broker.queue(ForwardTo=target)
    sender = await client.sender(source)
    await sender.send(*(Message(body=each, message_id=each, properties={"n": 1}) for each in "abc"))
    receiver = await client.receiver(target, mode="receive-and-delete")
    got = await receiver.receive(3, wait=15)
    assert texts(got) == [message.message_id for message in got] == ["a", "b", "c"]
    assert got[0].properties == {"n": 1}


@scenario(FORWARDING)
async def subscriptions_forward(client: Client, broker: Broker) -> None:
    """Several subscriptions forward into one queue."""
    target = await broker.queue()
    topic, _ = await broker.topic(
        subscription("one", ForwardTo=target), subscription("two", ForwardTo=target)
    )
    sender = await client.sender(topic)
    await sender.send(Message(body="m"))
    receiver = await client.receiver(target, mode="receive-and-delete")
    assert texts(await receiver.receive(2, wait=15)) == ["m", "m"]


@scenario(FORWARDING)
async def queues_forward_to_topics(client: Client, broker: Broker) -> None:
    """A queue forwards to a topic, whose subscriptions get their copies."""
    topic, [mine] = await broker.topic(subscription("mine"))
    source = await broker.queue(ForwardTo=topic)
    sender = await client.sender(source)
    await sender.send(*messages("a", "b"))
    receiver = await client.receiver(mine, mode="receive-and-delete")
    assert texts(await receiver.receive(2, wait=15)) == ["a", "b"]


@scenario(FORWARDING)
async def dead_letters_are_forwarded(client: Client, broker: Broker) -> None:
    """ForwardDeadLetteredMessagesTo sends dead letters to another queue with reason and source."""
    target = await broker.queue()
    source = await broker.queue(ForwardDeadLetteredMessagesTo=target)
    sender, receiver = await client.pair(source)
    await sender.send(Message(body="m"))
    await receiver.dead_letter(await receiver.one(), "invalid", "Total differs.")
    dead = await (await client.receiver(target, mode="receive-and-delete")).one(wait=15)
    assert (dead.text, dead.dead_letter_reason) == ("m", "invalid")
    assert dead.dead_letter_source == source


@scenario(FORWARDING)
async def nobody_receives_from_a_forwarding_queue(client: Client, broker: Broker) -> None:
    """Receiving from a queue that forwards is refused."""
    target = await broker.queue()
    source = await broker.queue(ForwardTo=target)
    with refused("not-allowed"):
        await (await client.receiver(source)).once(1, wait=1)


@scenario(FORWARDING)
async def forwarding_ends_after_four_hops(client: Client, broker: Broker) -> None:
    """A message forwarded more than four times goes to a dead-letter queue with the reason."""
    chain = [await broker.queue()]
    for _ in range(5):
        chain.append(await broker.queue(ForwardTo=chain[-1]))
    last_allowed = chain[1]
    sender = await client.sender(chain[-1])
    await sender.send(Message(body="far"))
    dead = await (await client.receiver(last_allowed, sub_queue="dead-letter")).one(wait=15)
    assert (dead.text, dead.dead_letter_reason) == ("far", "MaxTransferHopCountExceeded")


@scenario(FORWARDING)
async def forwarded_messages_are_numbered_anew(client: Client, broker: Broker) -> None:
    """The target numbers a forwarded message anew and keeps the source's number beside it."""
    target = await broker.queue()
    source = await broker.queue(ForwardTo=target)
    direct = await client.sender(target)
    await direct.send(*messages("1", "2", "3"))
    sender = await client.sender(source)
    await sender.send(Message(body="forwarded"))
    receiver = await client.receiver(target, mode="receive-and-delete")
    got = await receiver.receive(4, wait=15)
    assert texts(got) == ["1", "2", "3", "forwarded"]
    assert got[3].sequence_number == got[2].sequence_number + 1
    assert got[3].enqueued_sequence_number == 1
