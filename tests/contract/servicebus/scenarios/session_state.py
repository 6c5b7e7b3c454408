"""What a session remembers."""

from __future__ import annotations

from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message
from tests.contract.servicebus.scenario import Topic, refused, scenario

STATE = Topic("Session state", "message-sessions")


@scenario(STATE)
async def state_is_kept_for_the_next_receiver(client: Client, broker: Broker) -> None:
    """The state one receiver sets is there for the next, until it is set to null."""
    queue = await broker.queue(RequiresSession=True)
    first = await client.session(queue, "a")
    unset = await first.state()
    await first.set_state(b"\x00step 1\xff")
    await first.close()
    second = await client.session(queue, "a")
    kept = await second.state()
    await second.set_state(None)
    assert unset is None
    assert kept == b"\x00step 1\xff"
    assert await second.state() is None


@scenario(STATE)
async def states_are_each_their_own(client: Client, broker: Broker) -> None:
    """Each session has a state of its own."""
    queue = await broker.queue(RequiresSession=True)
    one, two = await client.session(queue, "one"), await client.session(queue, "two")
    await one.set_state(b"first")
    await two.set_state(b"second")
    assert [await one.state(), await two.state()] == [b"first", b"second"]


@scenario(STATE)
async def state_outlives_the_messages(client: Client, broker: Broker) -> None:
    """A session's state stays when its last message is completed."""
    queue = await broker.queue(RequiresSession=True)
    sender = await client.sender(queue)
    await sender.send(Message(body="m", session_id="a"))
    receiver = await client.session(queue, "a")
    await receiver.set_state(b"done")
    await receiver.complete(await receiver.one())
    await receiver.close()
    assert await (await client.session(queue, "a")).state() == b"done"


@scenario(STATE)
async def a_lost_session_has_no_state_to_set(client: Client, broker: Broker) -> None:
    """Setting the state after the session lock expired is refused with session-lock-lost."""
    queue = await broker.queue(RequiresSession=True, LockDuration="PT5S")
    receiver = await client.session(queue, "a")
    await broker.forward(7)
    with refused("session-lock-lost"):
        await receiver.set_state(b"x")
