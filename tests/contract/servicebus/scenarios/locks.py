"""Locks, their end, and how often a message was delivered."""

from __future__ import annotations

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages
from tests.contract.servicebus.scenario import Topic, refused, scenario

LOCKS = Topic("Locks and delivery count", "message-transfers-locks-settlement")


@scenario(LOCKS)
async def a_lock_lasts_as_configured(client: Client, broker: Broker) -> None:
    """A received message is locked for the entity's lock duration."""
    sender, receiver = await client.pair(await broker.queue(LockDuration="PT30S"))
    await sender.send(Message(body="m"))
    before = broker.now()
    message = await receiver.one()
    await receiver.complete(message)
    assert message.locked_until is not None
    assert abs(message.locked_until - before - 30_000) < 5_000


@scenario(LOCKS)
async def nobody_else_gets_a_locked_message(client: Client, broker: Broker) -> None:
    """While a message is locked no other receiver gets it."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue)
    other = await client.receiver(queue)
    await sender.send(Message(body="m"))
    message = await receiver.one()
    assert await other.nothing()
    await receiver.complete(message)


@scenario(LOCKS)
async def an_expired_lock_returns_the_message(client: Client, broker: Broker) -> None:
    """When its lock expires a message comes again, delivered once more often."""
    sender, receiver = await client.pair(await broker.queue(LockDuration="PT5S"))
    await sender.send(Message(body="m"))
    first = await receiver.one()
    await broker.forward(6)
    again = await receiver.one(wait=15)
    await receiver.complete(again)
    assert (first.delivery_count, again.delivery_count) == (0, 1)
    assert first.sequence_number == again.sequence_number


@scenario(LOCKS, needs.CONFIRMED_SETTLEMENT)
async def an_expired_lock_cannot_settle(client: Client, broker: Broker) -> None:
    """Settling after the lock expired is refused with message-lock-lost."""
    sender, receiver = await client.pair(await broker.queue(LockDuration="PT5S"))
    await sender.send(*messages("1", "2", "3", "4"))
    one, two, three, four = await receiver.receive(4)
    await broker.forward(6)
    with refused("message-lock-lost"):
        await receiver.complete(one)
    with refused("message-lock-lost"):
        await receiver.abandon(two)
    with refused("message-lock-lost"):
        await receiver.dead_letter(three)
    with refused("message-lock-lost"):
        await receiver.renew_lock(four)


@scenario(LOCKS)
async def renewing_extends_a_lock(client: Client, broker: Broker) -> None:
    """Renewing gives a lock its full duration again, counted from now."""
    sender, receiver = await client.pair(await broker.queue(LockDuration="PT10S"))
    await sender.send(Message(body="m"))
    message = await receiver.one()
    await broker.forward(6)
    before = broker.now()
    until = await receiver.renew_lock(message)
    await broker.forward(6)
    await receiver.complete(message)
    assert abs(until - before - 10_000) < 5_000
    assert await receiver.peek() == []


@scenario(LOCKS)
async def too_many_deliveries_dead_letter(client: Client, broker: Broker) -> None:
    """A message delivered MaxDeliveryCount times goes to the dead-letter queue with the reason."""
    queue = await broker.queue(MaxDeliveryCount=2)
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="poison"))
    counted = []
    for _ in range(2):
        message = await receiver.one()
        counted.append(message.delivery_count)
        await receiver.abandon(message)
    dead_letters = await client.receiver(queue, sub_queue="dead-letter")
    dead = await dead_letters.one()
    await dead_letters.complete(dead)
    assert counted == [0, 1]
    assert (dead.text, dead.dead_letter_reason) == ("poison", "MaxDeliveryCountExceeded")
    assert dead.dead_letter_description == (
        "Message could not be consumed after 2 delivery attempts."
    )


@scenario(LOCKS)
async def expired_locks_count_as_deliveries(client: Client, broker: Broker) -> None:
    """Locks that expire count towards MaxDeliveryCount."""
    queue = await broker.queue(MaxDeliveryCount=1, LockDuration="PT5S")
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="slow"))
    await receiver.one()
    await broker.forward(6)
    dead_letters = await client.receiver(queue, sub_queue="dead-letter")
    dead = await dead_letters.one(wait=15)
    assert (dead.text, dead.dead_letter_reason) == ("slow", "MaxDeliveryCountExceeded")


@scenario(LOCKS)
async def a_lock_outlives_its_link(client: Client, broker: Broker) -> None:
    """Closing the receiver settles nothing: its message stays locked until the lock expires."""
    queue = await broker.queue(LockDuration="PT5S")
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="m"))
    await receiver.one()
    await receiver.close()
    other = await client.receiver(queue)
    held = await other.nothing()
    await broker.forward(6)
    again = await other.one(wait=15)
    await other.complete(again)
    assert held
    assert again.delivery_count == 1
