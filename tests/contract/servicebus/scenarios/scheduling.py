"""Messages for later."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

SCHEDULING = Topic("Scheduling", "message-sequencing")


@scenario(SCHEDULING)
async def scheduled_messages_come_in_their_time(client: Client, broker: Broker) -> None:
    """A scheduled message can be received from its time on, not before."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    at = broker.now() + 8_000
    [number] = await sender.schedule(messages("later"), at=at)
    early = await receiver.nothing()
    await broker.forward(9)
    got = await receiver.one(wait=15)
    assert number > 0
    assert early
    assert (got.text, got.scheduled_at) == ("later", at)
    assert got.enqueued_at is not None
    assert got.enqueued_at >= at


@scenario(SCHEDULING)
async def several_are_scheduled_and_cancelled(client: Client, broker: Broker) -> None:
    """Scheduling returns a sequence number each; cancelled ones never come."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    at = broker.now() + 8_000
    numbers = await sender.schedule(messages("a", "b", "c"), at=at)
    await sender.cancel(numbers[1])
    await broker.forward(9)
    got = await receiver.receive(2, wait=15)
    assert len(set(numbers)) == 3
    assert texts(got) == ["a", "c"]
    assert await receiver.nothing()


@scenario(SCHEDULING)
async def the_scheduled_time_may_be_on_the_message(client: Client, broker: Broker) -> None:
    """A plain send with a scheduled enqueue time schedules too."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send(Message(body="later", scheduled_at=broker.now() + 8_000))
    early = await receiver.nothing()
    await broker.forward(9)
    assert early
    assert (await receiver.one(wait=15)).text == "later"


@scenario(SCHEDULING)
async def a_past_time_is_now(client: Client, broker: Broker) -> None:
    """A message scheduled for the past comes at once."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.schedule(messages("late"), at=broker.now() - 60_000)
    assert (await receiver.one()).text == "late"


@scenario(SCHEDULING)
async def scheduled_messages_can_be_peeked(client: Client, broker: Broker) -> None:
    """Browsing shows scheduled messages as scheduled, under the number that was returned."""
    sender, receiver = await client.pair(await broker.queue())
    [number] = await sender.schedule(messages("later"), at=broker.now() + 3_600_000)
    [peeked] = await receiver.peek()
    await sender.cancel(number)
    assert (peeked.text, peeked.state, peeked.sequence_number) == ("later", "scheduled", number)
    assert await receiver.peek() == []


@scenario(SCHEDULING)
async def cancelling_what_is_not_there_is_refused(client: Client, broker: Broker) -> None:
    """Cancelling a message that is not scheduled is refused with message-not-found."""
    sender = await client.sender(await broker.queue())
    with refused("message-not-found"):
        await sender.cancel(12345)


@scenario(SCHEDULING)
async def time_to_live_starts_when_scheduled_messages_come(client: Client, broker: Broker) -> None:
    """The time to live of a scheduled message starts at its scheduled time."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.schedule(messages("later", time_to_live=7_000), at=broker.now() + 8_000)
    await broker.forward(10)
    got = await receiver.one()
    assert got.enqueued_at is not None
    assert got.expires_at == got.enqueued_at + 7_000


@scenario(SCHEDULING)
async def topics_schedule_too(client: Client, broker: Broker) -> None:
    """A topic's scheduled message reaches its subscriptions at its time."""
    topic, [one, two] = await broker.topic(subscription("one"), subscription("two"))
    sender = await client.sender(topic)
    kept, dropped = await sender.schedule(messages("kept", "dropped"), at=broker.now() + 8_000)
    await sender.cancel(dropped)
    receivers = [await client.receiver(each, mode="receive-and-delete") for each in (one, two)]
    early = await receivers[0].nothing()
    await broker.forward(9)
    assert kept != dropped
    assert early
    assert [texts(await each.receive(1, wait=15)) for each in receivers] == [["kept"], ["kept"]]
