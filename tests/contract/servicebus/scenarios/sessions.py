"""Sessions: exclusive, in order, named or whichever is free."""

from __future__ import annotations

import asyncio

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

SESSIONS = Topic("Sessions", "message-sessions")


async def _queue(broker: Broker, **properties: object) -> str:
    return await broker.queue(RequiresSession=True, **properties)


@scenario(SESSIONS)
async def a_session_is_received_by_name(client: Client, broker: Broker) -> None:
    """A receiver of a named session gets that session's messages only, in order."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    await sender.send(
        *messages("a1", session_id="a"), *messages("b1", session_id="b"),
        *messages("a2", session_id="a"),
    )  # fmt: skip
    receiver = await client.session(queue, "a")
    got = await receiver.receive(2)
    await receiver.complete(*got)
    assert receiver.accepted is not None
    assert receiver.accepted["id"] == "a"
    assert texts(got) == ["a1", "a2"]
    assert {message.session_id for message in got} == {"a"}
    assert await receiver.nothing()


@scenario(SESSIONS)
async def the_next_session_is_one_that_is_free(client: Client, broker: Broker) -> None:
    """Accepting the next session gives one with messages that nobody holds."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    await sender.send(*messages("a1", session_id="a"), *messages("b1", session_id="b"))
    first = await client.next_session(queue, wait=10)
    second = await client.next_session(queue, wait=10)
    assert first.accepted is not None
    assert second.accepted is not None
    assert [first.accepted["id"], second.accepted["id"]] == ["a", "b"]
    assert [(await each.one()).text for each in (first, second)] == ["a1", "b1"]


@scenario(SESSIONS)
async def accepting_waits_for_a_session(client: Client, broker: Broker) -> None:
    """Accepting the next session waits until a message of a free session arrives."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    accepting = asyncio.create_task(client.next_session(queue, wait=15))
    await asyncio.sleep(0)
    await sender.send(Message(body="m", session_id="late"))
    receiver = await accepting
    assert receiver.accepted is not None
    assert receiver.accepted["id"] == "late"
    assert (await receiver.one()).text == "m"


@scenario(SESSIONS)
async def accepting_ends_when_there_is_none(client: Client, broker: Broker) -> None:
    """Accepting the next session ends with timeout when none comes free in the time given."""
    queue = await _queue(broker)
    hasty = await client.another(timeout=2)
    accepting = asyncio.create_task(hasty.next_session(queue, wait=2))
    while not accepting.done():  # the service measures the wait: it may not have begun yet
        await broker.forward(1)
        await asyncio.sleep(0.1)
    with refused("timeout"):
        await accepting


@scenario(SESSIONS)
async def a_held_session_cannot_be_accepted(client: Client, broker: Broker) -> None:
    """A session another receiver holds is refused with session-cannot-be-locked."""
    queue = await _queue(broker)
    await client.session(queue, "a")
    other = await client.another(timeout=5)
    with refused("session-cannot-be-locked"):
        await other.session(queue, "a")


@scenario(SESSIONS)
async def a_closed_session_is_free_at_once(client: Client, broker: Broker) -> None:
    """When its receiver closes, a session and its messages are free at once, uncounted."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    await sender.send(*messages("1", "2", session_id="a"))
    first = await client.session(queue, "a")
    await first.receive(1)
    await first.close()
    second = await client.session(queue, "a")
    got = await second.receive(2)
    await second.complete(*got)
    assert [(message.text, message.delivery_count) for message in got] == [("1", 0), ("2", 0)]


@scenario(SESSIONS)
async def an_empty_session_can_be_accepted(client: Client, broker: Broker) -> None:
    """A named session without messages can be accepted and gets what is sent later."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    receiver = await client.session(queue, "new")
    await sender.send(Message(body="m", session_id="new"))
    assert (await receiver.one()).text == "m"


@scenario(SESSIONS)
async def a_session_is_locked_as_configured(client: Client, broker: Broker) -> None:
    """Accepting locks the session for the lock duration; renewing extends that."""
    queue = await _queue(broker, LockDuration="PT10S")
    sender = await client.sender(queue)
    await sender.send(Message(body="m", session_id="a"))
    before = broker.now()
    receiver = await client.session(queue, "a")
    message = await receiver.one()
    await broker.forward(6)
    renewed_at = broker.now()
    until = await receiver.renew_session()
    await broker.forward(6)
    await receiver.complete(message)
    assert receiver.accepted is not None
    assert abs(receiver.accepted["locked_until"] - before - 10_000) < 5_000
    assert abs(until - renewed_at - 10_000) < 5_000


@scenario(SESSIONS, needs.CONFIRMED_SETTLEMENT)
async def a_lost_session_cannot_settle(client: Client, broker: Broker) -> None:
    """When its lock expires, the receiver has lost the session and cannot settle any more."""
    queue = await _queue(broker, LockDuration="PT5S")
    sender = await client.sender(queue)
    await sender.send(Message(body="m", session_id="a"))
    first = await client.session(queue, "a")
    message = await first.one()
    await broker.forward(7)
    # Once this is answered the SDK has seen the session's link end: the Node SDK waits a minute
    # for the outcome of a settlement that crosses the end of its link.
    with refused("session-lock-lost"):
        await first.renew_session()
    with refused("session-lock-lost"):
        await first.complete(message)
    other = await client.another()
    second = await other.session(queue, "a")
    again = await second.one()
    assert again.delivery_count == 1


@scenario(SESSIONS)
async def a_lost_session_cannot_be_renewed(client: Client, broker: Broker) -> None:
    """Renewing a session lock that expired is refused with session-lock-lost."""
    queue = await _queue(broker, LockDuration="PT5S")
    receiver = await client.session(queue, "a")
    await broker.forward(7)
    with refused("session-lock-lost"):
        await receiver.renew_session()


@scenario(SESSIONS)
async def sessions_settle_in_every_way(client: Client, broker: Broker) -> None:
    """Within a session messages are completed, abandoned, deferred and dead-lettered."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    names = ["complete", "abandon", "defer", "dead-letter"]
    await sender.send_list(messages(*names, session_id="a"))
    receiver = await client.session(queue, "a")
    got = {message.text: message for message in await receiver.receive(4)}
    await receiver.complete(got["complete"])
    await receiver.defer(got["defer"])
    await receiver.dead_letter(got["dead-letter"], "why")
    await receiver.abandon(got["abandon"])
    again = await receiver.one()
    [deferred] = await receiver.deferred(got["defer"].sequence_number)
    await receiver.complete(again, deferred)
    dead = await (await client.receiver(queue, sub_queue="dead-letter")).one()
    assert (again.text, again.delivery_count) == ("abandon", 1)
    assert deferred.text == "defer"
    assert (dead.text, dead.session_id, dead.dead_letter_reason) == ("dead-letter", "a", "why")


@scenario(SESSIONS)
async def an_abandoned_session_message_keeps_the_order(client: Client, broker: Broker) -> None:
    """An abandoned message comes again before later ones of its session."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    await sender.send_list(messages("1", "2", "3", session_id="a"))
    receiver = await client.session(queue, "a")
    await receiver.abandon(await receiver.one())
    assert texts(await receiver.receive(3)) == ["1", "2", "3"]


@scenario(SESSIONS)
async def sessions_can_be_peeked(client: Client, broker: Broker) -> None:
    """Browsing in a session shows that session only."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    await sender.send(
        *messages("a1", session_id="a"), *messages("b1", session_id="b"),
        *messages("a2", session_id="a"),
    )  # fmt: skip
    receiver = await client.session(queue, "a")
    assert texts(await receiver.peek()) == ["a1", "a2"]


@scenario(SESSIONS)
async def receive_and_delete_works_in_sessions(client: Client, broker: Broker) -> None:
    """A session can be received in receive-and-delete mode."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    await sender.send_list(messages("1", "2", session_id="a"))
    receiver = await client.session(queue, "a", mode="receive-and-delete")
    assert texts(await receiver.receive(2)) == ["1", "2"]
    assert await receiver.peek() == []


@scenario(SESSIONS)
async def too_many_deliveries_dead_letter_from_sessions(client: Client, broker: Broker) -> None:
    """MaxDeliveryCount holds in sessions too."""
    queue = await _queue(broker, MaxDeliveryCount=2)
    sender = await client.sender(queue)
    await sender.send(Message(body="poison", session_id="a"))
    receiver = await client.session(queue, "a")
    for _ in range(2):
        await receiver.abandon(await receiver.one())
    dead = await (await client.receiver(queue, sub_queue="dead-letter")).one()
    assert (dead.text, dead.dead_letter_reason) == ("poison", "MaxDeliveryCountExceeded")


@scenario(SESSIONS)
async def scheduled_messages_join_their_session(client: Client, broker: Broker) -> None:
    """A scheduled message joins its session at its time."""
    queue = await _queue(broker, LockDuration="PT1M")
    sender = await client.sender(queue)
    await sender.schedule(messages("later", session_id="a"), at=broker.now() + 8_000)
    receiver = await client.session(queue, "a", mode="receive-and-delete")
    early = await receiver.nothing()
    # The Node SDK gives a link up that has not told it in 0.2 s that there is nothing.
    await receiver.close()
    await broker.forward(9)
    again = await client.session(queue, "a", mode="receive-and-delete")
    assert early
    assert (await again.one(wait=15)).text == "later"


@scenario(SESSIONS)
async def subscriptions_have_sessions(client: Client, broker: Broker) -> None:
    """A subscription that requires sessions gives them as a queue does."""
    topic, [mine] = await broker.topic(subscription("mine", RequiresSession=True))
    sender = await client.sender(topic)
    await sender.send(*messages("1", session_id="a"), *messages("2", session_id="b"))
    receiver = await client.session(mine, "b")
    assert (await receiver.one()).text == "2"


@scenario(SESSIONS)
async def messages_need_a_session(client: Client, broker: Broker) -> None:
    """Sending without a session id to an entity that requires sessions is refused."""
    sender = await client.sender(await _queue(broker))
    with refused("not-allowed"):
        await sender.send(Message(body="m"))


@scenario(SESSIONS)
async def plain_receivers_get_no_sessions(client: Client, broker: Broker) -> None:
    """Receiving without a session from an entity that requires sessions is refused."""
    queue = await _queue(broker)
    with refused("not-allowed"):
        await (await client.receiver(queue)).once(1, wait=1)


@scenario(SESSIONS)
async def plain_entities_have_no_sessions(client: Client, broker: Broker) -> None:
    """Accepting a session of an entity without sessions is refused."""
    queue = await broker.queue()
    # The Node SDK says the other whenever it gets no session (azure-sdk-for-js, pull request 2822).
    with refused("not-allowed", "session-cannot-be-locked"):
        await client.session(queue, "a")


@scenario(SESSIONS)
async def session_ids_are_ignored_elsewhere(client: Client, broker: Broker) -> None:
    """A queue without sessions delivers messages with a session id like any other."""
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send(Message(body="m", session_id="a"))
    got = await receiver.one()
    assert (got.text, got.session_id) == ("m", "a")


@scenario(SESSIONS, needs.LIST_SESSIONS)
async def sessions_are_listed(client: Client, broker: Broker) -> None:
    """Listing gives the sessions with messages or state."""
    queue = await _queue(broker)
    sender = await client.sender(queue)
    await sender.send(*(Message(session_id=each) for each in ("a", "b", "a")))
    receiver = await client.session(queue, "c")
    await receiver.set_state(b"kept")
    assert sorted(await client.list_sessions(queue)) == ["a", "b", "c"]


@scenario(SESSIONS, needs.LIST_SESSIONS)
async def sessions_are_listed_by_change_of_state(client: Client, broker: Broker) -> None:
    """Listing by time gives the sessions whose state changed since."""
    queue = await _queue(broker)
    early, late = await client.session(queue, "early"), await client.session(queue, "late")
    await early.set_state(b"1")
    await broker.forward(5)
    since = broker.now() - 2_000
    await late.set_state(b"2")
    assert await client.list_sessions(queue, since=since) == ["late"]
