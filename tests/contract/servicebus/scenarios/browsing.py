"""Looking without taking."""

from __future__ import annotations

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import messages, texts
from tests.contract.servicebus.scenario import Topic, scenario

BROWSING = Topic("Browsing", "message-browsing")


@scenario(BROWSING)
async def peeking_takes_nothing(client: Client, broker: Broker) -> None:
    """Browsing neither locks nor removes nor counts."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send_list(messages("1", "2"))
    peeked = await receiver.peek()
    got = await receiver.receive(2)
    await receiver.complete(*got)
    assert texts(peeked) == texts(got) == ["1", "2"]
    assert {message.delivery_count for message in got} == {0}
    assert {message.lock_token for message in peeked} <= {
        None, "00000000-0000-0000-0000-000000000000",
    }  # fmt: skip


@scenario(BROWSING, needs.BROWSE_ON)
async def peeking_goes_on(client: Client, broker: Broker) -> None:
    """A receiver's next browse goes on after the last message it saw."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send_list(messages(*"abcde"))
    seen = [texts(await receiver.peek_on(2)) for _ in range(4)]
    assert seen == [["a", "b"], ["c", "d"], ["e"], []]


@scenario(BROWSING)
async def peeking_starts_where_told(client: Client, broker: Broker) -> None:
    """Browsing from a sequence number starts with that message, or the next there is."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send_list(messages(*"abc"))
    everything = await receiver.peek()
    got = await receiver.receive(2)
    await receiver.complete(got[1])
    from_gap = await receiver.peek(start=everything[1].sequence_number)
    beyond = await receiver.peek(start=everything[2].sequence_number + 1)
    assert texts(from_gap) == ["c"]
    assert beyond == []


@scenario(BROWSING)
async def peeking_shows_every_state(client: Client, broker: Broker) -> None:
    """Browsing shows active, locked, deferred and scheduled messages by sequence number."""
    sender, receiver = await client.pair(await broker.queue())
    await sender.send(*messages("deferred", "locked", "active"))
    deferred, locked = await receiver.receive(2)
    await receiver.defer(deferred)
    await sender.schedule(messages("scheduled"), at=broker.now() + 3_600_000)
    peeked = await receiver.peek()
    await receiver.complete(locked)
    assert [(message.text, message.state) for message in peeked] == [
        ("deferred", "deferred"),
        ("locked", "active"),
        ("active", "active"),
        ("scheduled", "scheduled"),
    ]


@scenario(BROWSING)
async def subscriptions_can_be_peeked(client: Client, broker: Broker) -> None:
    """A subscription can be browsed."""
    topic, [mine] = await broker.topic(subscription("mine"))
    sender = await client.sender(topic)
    await sender.send_list(messages("1", "2"))
    receiver = await client.receiver(mine)
    await broker.forward(1)  # a topic may distribute after it has answered
    assert texts(await receiver.peek()) == ["1", "2"]
