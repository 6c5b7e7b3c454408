"""Time to live."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, scenario

EXPIRY = Topic("Time to live", "message-expiration")


@scenario(EXPIRY)
async def expired_messages_are_gone(client: Client, broker: Broker) -> None:
    """A message past its time to live is not delivered."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send(Message(body="brief", time_to_live=5_000), Message(body="lasting"))
    await broker.forward(6)
    assert (await receiver.one()).text == "lasting"
    assert await receiver.nothing()


@scenario(EXPIRY)
async def expired_messages_are_dead_lettered_where_wanted(client: Client, broker: Broker) -> None:
    """With dead-lettering on expiration they go to the dead-letter queue, TTLExpiredException."""
    queue = await broker.queue(DeadLetteringOnMessageExpiration=True)
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="brief", time_to_live=5_000))
    await broker.forward(6)
    empty = await receiver.nothing()
    dead = await (await client.receiver(queue, sub_queue="dead-letter")).one(wait=15)
    assert empty
    assert (dead.text, dead.dead_letter_reason) == ("brief", "TTLExpiredException")


@scenario(EXPIRY)
async def the_entity_limits_the_time_to_live(client: Client, broker: Broker) -> None:
    """A message lives no longer than its entity's default, whatever it asks for."""
    queue = await broker.queue(DefaultMessageTimeToLive="PT5M")
    sender, receiver = await client.pair(queue, mode="receive-and-delete")
    await sender.send(
        Message(body="long", time_to_live=3_600_000), Message(body="short", time_to_live=60_000),
        Message(body="none"),
    )  # fmt: skip
    got = await receiver.receive(3)
    assert [
        None if each.expires_at is None or each.enqueued_at is None
        else each.expires_at - each.enqueued_at
        for each in got
    ] == [300_000, 60_000, 300_000]  # fmt: skip


@scenario(EXPIRY)
async def a_locked_message_does_not_expire(client: Client, broker: Broker) -> None:
    """A message that is locked when its time ends can still be completed."""
    sender, receiver = await client.pair(await broker.queue(LockDuration="PT1M"))
    await sender.send(Message(body="m", time_to_live=5_000))
    message = await receiver.one()
    await broker.forward(6)
    await receiver.complete(message)
    assert await receiver.peek() == []


@scenario(EXPIRY)
async def an_abandoned_message_past_its_time_expires(client: Client, broker: Broker) -> None:
    """Abandoned after its time ended, a message expires instead of coming again."""
    queue = await broker.queue(DeadLetteringOnMessageExpiration=True)
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="m", time_to_live=5_000))
    message = await receiver.one()
    await broker.forward(6)
    await receiver.abandon(message)
    dead = await (await client.receiver(queue, sub_queue="dead-letter")).one(wait=15)
    assert dead.dead_letter_reason == "TTLExpiredException"


@scenario(EXPIRY)
async def subscriptions_expire_by_themselves(client: Client, broker: Broker) -> None:
    """Each subscription dead-letters what expires in it as it is configured."""
    topic, [keeping, dropping] = await broker.topic(
        subscription("keeping", DeadLetteringOnMessageExpiration=True), subscription("dropping")
    )
    sender = await client.sender(topic)
    await sender.send_list(messages("1", "2", time_to_live=5_000))
    await broker.forward(6)
    dead = await (await client.receiver(keeping, sub_queue="dead-letter")).receive(2, wait=15)
    receiver = await client.receiver(dropping)
    other = await client.receiver(dropping, sub_queue="dead-letter")
    assert texts(dead) == ["1", "2"]
    assert await receiver.nothing()
    assert await other.peek() == []
