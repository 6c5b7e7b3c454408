"""Topics and what their subscriptions get."""

from __future__ import annotations

import asyncio

from tests.contract.servicebus.broker import Broker, sql_rule, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

TOPICS = Topic("Topics", "service-bus-queues-topics-subscriptions")


@scenario(TOPICS)
async def every_subscription_gets_a_copy(client: Client, broker: Broker) -> None:
    """Every subscription gets its own copy of each message, in the order of sending."""
    topic, [one, two] = await broker.topic(subscription("one"), subscription("two"))
    sender = await client.sender(topic)
    await sender.send(*messages("a", "b"))
    await sender.send_list(messages("c", "d"))
    receivers = await asyncio.gather(
        *(client.receiver(each, mode="receive-and-delete") for each in (one, two))
    )
    got = await asyncio.gather(*(each.receive(4) for each in receivers))
    assert [texts(each) for each in got] == [list("abcd")] * 2


@scenario(TOPICS)
async def copies_are_settled_each_by_itself(client: Client, broker: Broker) -> None:
    """Settling a message in one subscription leaves the other's copy alone."""
    topic, [one, two] = await broker.topic(subscription("one"), subscription("two"))
    sender = await client.sender(topic)
    await sender.send(Message(body="m"))
    first, second = await asyncio.gather(client.receiver(one), client.receiver(two))
    await first.complete(await first.one())
    await broker.forward(1)
    assert await first.peek() == []
    assert texts(await second.peek()) == ["m"]


@scenario(TOPICS)
async def messages_nobody_wants_are_gone(client: Client, broker: Broker) -> None:
    """A message no subscription selects is accepted and dropped."""
    topic, [picky] = await broker.topic(subscription("picky", sql_rule("none", "1 = 0")))
    sender = await client.sender(topic)
    await sender.send(Message(body="m"))
    await broker.forward(1)
    assert await (await client.receiver(picky)).peek() == []


@scenario(TOPICS)
async def topics_are_not_received_from(client: Client, broker: Broker) -> None:
    """Receiving from a topic itself is refused."""
    topic, [_] = await broker.topic(subscription("one"))
    with refused("not-allowed"):
        await (await client.receiver(topic)).once(1, wait=1)


@scenario(TOPICS)
async def an_unknown_subscription_is_not_found(client: Client, broker: Broker) -> None:
    """Receiving from a subscription that does not exist is refused with not-found."""
    _, [known] = await broker.topic(subscription("one"))
    with refused("not-found"):
        await (await client.receiver(known._replace(name="other"))).once(1, wait=1)
