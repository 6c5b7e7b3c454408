"""The dead-letter queue as a queue."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

DEAD_LETTERS = Topic("Dead letters", "service-bus-dead-letter-queues")


@scenario(DEAD_LETTERS)
async def dead_letters_can_be_peeked(client: Client, broker: Broker) -> None:
    """The dead-letter queue can be browsed."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue)
    await sender.send_list(messages("1", "2"))
    for message in await receiver.receive(2):
        await receiver.dead_letter(message)
    dead_letters = await client.receiver(queue, sub_queue="dead-letter")
    assert texts(await dead_letters.peek()) == ["1", "2"]


@scenario(DEAD_LETTERS)
async def dead_letters_of_subscriptions_are_their_own(client: Client, broker: Broker) -> None:
    """Each subscription has a dead-letter queue of its own."""
    topic, [one, two] = await broker.topic(subscription("one"), subscription("two"))
    sender = await client.sender(topic)
    await sender.send(Message(body="m"))
    receiver = await client.receiver(one)
    await receiver.dead_letter(await receiver.one(), "only here")
    dead = await (await client.receiver(one, sub_queue="dead-letter")).one()
    other = await client.receiver(two, sub_queue="dead-letter")
    assert (dead.text, dead.dead_letter_reason) == ("m", "only here")
    assert await other.peek() == []


@scenario(DEAD_LETTERS)
async def dead_letters_never_expire_or_repeat(client: Client, broker: Broker) -> None:
    """Dead letters ignore time to live and are not dead-lettered for too many deliveries."""
    queue = await broker.queue(MaxDeliveryCount=1)
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="m", time_to_live=5_000))
    await receiver.dead_letter(await receiver.one())
    await broker.forward(6)
    dead_letters = await client.receiver(queue, sub_queue="dead-letter")
    for _ in range(3):
        await dead_letters.abandon(await dead_letters.one())
    assert texts(await dead_letters.peek()) == ["m"]


@scenario(DEAD_LETTERS)
async def nobody_sends_to_a_dead_letter_queue(client: Client, broker: Broker) -> None:
    """Sending to a dead-letter queue is refused."""
    queue = await broker.queue()
    with refused("not-allowed"):
        await (await client.sender(f"{queue}/$DeadLetterQueue")).send(Message(body="x"))
