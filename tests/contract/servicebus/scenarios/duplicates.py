"""Duplicate detection by message id."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, texts
from tests.contract.servicebus.scenario import Topic, scenario

DUPLICATES = Topic("Duplicate detection", "duplicate-detection")

_DETECTING = {
    "RequiresDuplicateDetection": True,
    "DuplicateDetectionHistoryTimeWindow": "PT20S",
}


@scenario(DUPLICATES)
async def the_second_is_dropped(client: Client, broker: Broker) -> None:
    """A second message with a known id is accepted and dropped, even after the first is gone."""
    queue = await broker.queue(**_DETECTING)
    sender, receiver = await client.pair(queue, mode="receive-and-delete")
    await sender.send(
        Message(body="1", message_id="x"), Message(body="2", message_id="x"),
        Message(body="3", message_id="y"),
    )  # fmt: skip
    got = await receiver.receive(2)
    await sender.send(Message(body="4", message_id="x"), Message(body="5", message_id="z"))
    got += await receiver.receive(1)
    assert texts(got) == ["1", "3", "5"]


@scenario(DUPLICATES)
async def duplicates_in_a_batch_are_dropped(client: Client, broker: Broker) -> None:
    """A batch that repeats an id stores the first only."""
    queue = await broker.queue(**_DETECTING)
    sender, receiver = await client.pair(queue, mode="receive-and-delete")
    await sender.send_batch([Message(body=body, message_id=body[0]) for body in ("a1", "b", "a2")])
    assert texts(await receiver.receive(2)) == ["a1", "b"]
    assert await receiver.nothing()


@scenario(DUPLICATES)
async def ids_are_forgotten_after_the_window(client: Client, broker: Broker) -> None:
    """After the detection window an id may be used again."""
    queue = await broker.queue(**_DETECTING)
    sender, receiver = await client.pair(queue, mode="receive-and-delete")
    await sender.send(Message(body="1", message_id="x"))
    await broker.forward(30)
    await sender.send(Message(body="2", message_id="x"))
    assert texts(await receiver.receive(2)) == ["1", "2"]


@scenario(DUPLICATES)
async def topics_detect_before_they_distribute(client: Client, broker: Broker) -> None:
    """A topic drops duplicates once for all its subscriptions."""
    topic, [mine] = await broker.topic(subscription("mine"), **_DETECTING)
    sender = await client.sender(topic)
    await sender.send(
        *(Message(body=body, message_id="x") for body in ("1", "2")), Message(message_id="y")
    )
    receiver = await client.receiver(mine, mode="receive-and-delete")
    assert texts(await receiver.receive(2)) == ["1", ""]


@scenario(DUPLICATES)
async def scheduled_messages_are_detected_when_scheduled(client: Client, broker: Broker) -> None:
    """A scheduled message's id is known from the moment of scheduling."""
    queue = await broker.queue(**_DETECTING)
    sender, receiver = await client.pair(queue, mode="receive-and-delete")
    await sender.schedule([Message(body="later", message_id="x")], at=broker.now() + 8_000)
    await sender.send(Message(body="now", message_id="x"))
    early = await receiver.nothing()
    await broker.forward(9)
    assert early
    assert (await receiver.one(wait=15)).text == "later"


@scenario(DUPLICATES)
async def without_detection_all_come(client: Client, broker: Broker) -> None:
    """Without duplicate detection messages of the same id all come."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send(Message(body="1", message_id="x"), Message(body="2", message_id="x"))
    assert texts(await receiver.receive(2)) == ["1", "2"]
