"""What becomes of a received message."""

from __future__ import annotations

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

SETTLEMENT = Topic("Settlement", "message-transfers-locks-settlement")


@scenario(SETTLEMENT)
async def completing_removes(client: Client, broker: Broker) -> None:
    """A completed message is gone."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(Message(body="m"))
    await receiver.complete(await receiver.one())
    assert await receiver.peek() == []


@scenario(SETTLEMENT)
async def abandoning_returns(client: Client, broker: Broker) -> None:
    """An abandoned message comes again at once, delivered once more often."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(Message(body="m"))
    first = await receiver.one()
    await receiver.abandon(first)
    again = await receiver.one()
    await receiver.complete(again)
    assert (first.delivery_count, again.delivery_count) == (0, 1)
    assert again.sequence_number == first.sequence_number
    assert again.lock_token != first.lock_token


@scenario(SETTLEMENT)
async def an_abandoned_message_regains_its_place(client: Client, broker: Broker) -> None:
    """An abandoned message comes before those sent after it."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send_list(messages("1", "2", "3"))
    await receiver.abandon(await receiver.one())
    got = await receiver.receive(3)
    await receiver.complete(*got)
    assert texts(got) == ["1", "2", "3"]


@scenario(SETTLEMENT)
async def dead_lettering_moves(client: Client, broker: Broker) -> None:
    """A dead-lettered message is in the dead-letter queue with reason and description."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="m", message_id="id", properties={"kept": 1}))
    await receiver.dead_letter(await receiver.one(), "invalid", "Total differs.")
    dead_letters = await client.receiver(queue, sub_queue="dead-letter")
    dead = await dead_letters.one()
    await dead_letters.complete(dead)
    assert (dead.text, dead.message_id, dead.properties["kept"]) == ("m", "id", 1)
    assert (dead.dead_letter_reason, dead.dead_letter_description) == ("invalid", "Total differs.")
    assert await receiver.peek() == await dead_letters.peek() == []


@scenario(SETTLEMENT)
async def deferring_sets_aside(client: Client, broker: Broker) -> None:
    """A deferred message is passed over and received by its sequence number."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(*messages("aside", "next"))
    aside = await receiver.one()
    await receiver.defer(aside)
    passing = await receiver.one()
    [deferred] = await receiver.deferred(aside.sequence_number)
    await receiver.complete(passing, deferred)
    assert (passing.text, deferred.text) == ("next", "aside")
    assert await receiver.peek() == []


@scenario(SETTLEMENT, needs.SETTLE_WITH_PROPERTIES)
async def properties_change_on_settling(client: Client, broker: Broker) -> None:
    """Properties given on abandon, defer and dead-letter change the message's own."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="m", properties={"kept": "yes", "step": 0}))
    await receiver.abandon(await receiver.one(), {"step": 1, "new": "text"})
    again = await receiver.one()
    await receiver.defer(again, {"step": 2})
    [deferred] = await receiver.deferred(again.sequence_number)
    await receiver.dead_letter(deferred, "why", "because", {"step": 3})
    dead_letters = await client.receiver(queue, sub_queue="dead-letter")
    dead = await dead_letters.one()
    await dead_letters.complete(dead)
    assert again.properties == {"kept": "yes", "step": 1, "new": "text"}
    assert deferred.properties == {"kept": "yes", "step": 2, "new": "text"}
    assert dead.properties == {
        "kept": "yes", "step": 3, "new": "text",
        "DeadLetterReason": "why", "DeadLetterErrorDescription": "because",
    }  # fmt: skip


@scenario(SETTLEMENT)
async def settling_twice_is_refused(client: Client, broker: Broker) -> None:
    """A settled message cannot be settled again."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(Message(body="m"))
    message = await receiver.one()
    await receiver.complete(message)
    with refused("message-already-settled", "message-lock-lost"):
        await receiver.complete(message)


@scenario(SETTLEMENT)
async def many_are_settled_in_any_order(client: Client, broker: Broker) -> None:
    """Messages received together are settled each in its own way and order."""
    queue = await broker.queue()
    sender, receiver = await client.pair(queue)
    await sender.send_list(messages("complete", "dead-letter", "abandon", "defer"))
    got = {message.text: message for message in await receiver.receive(4)}
    await receiver.defer(got["defer"])
    await receiver.complete(got["complete"])
    await receiver.dead_letter(got["dead-letter"])
    await receiver.abandon(got["abandon"])
    left = {message.text: message.state for message in await receiver.peek()}
    assert left == {"abandon": "active", "defer": "deferred"}


@scenario(SETTLEMENT)
async def receive_and_delete_keeps_nothing(client: Client, broker: Broker) -> None:
    """Receive-and-delete removes messages as they are delivered, without locks."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send_list(messages("1", "2"))
    got = await receiver.receive(2)
    assert texts(got) == ["1", "2"]
    assert await receiver.peek() == []
