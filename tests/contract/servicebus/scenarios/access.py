"""Who may do what."""

from __future__ import annotations

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message
from tests.contract.servicebus.scenario import Topic, refused, scenario

ACCESS = Topic("Access", "service-bus-sas")


@scenario(ACCESS, needs.KEYS)
async def a_wrong_key_is_refused(client: Client, broker: Broker) -> None:
    """A client with a wrong key is refused with unauthorized-access."""
    queue = await broker.queue()
    stranger = await client.another(policy=("RootManageSharedAccessKey", "d3Jvbmc="))
    # With a custom endpoint the Python SDK calls a refused token a connection error.
    with refused("unauthorized-access", "connection"):
        await (await stranger.sender(queue)).send(Message(body="m"))
    with refused("unauthorized-access", "connection"):
        await (await stranger.receiver(queue)).once(1, wait=1)


@scenario(ACCESS, needs.KEYS, needs.POLICIES)
async def rights_are_each_their_own(client: Client, broker: Broker) -> None:
    """A policy with Send only may send and not receive, one with Listen the reverse."""
    queue = await broker.queue()
    sending = await client.another(policy=broker.policy("Send"))
    listening = await client.another(policy=broker.policy("Listen"))
    await (await sending.sender(queue)).send(Message(body="m"))
    with refused("unauthorized-access"):
        await (await sending.receiver(queue)).once(1, wait=1)
    with refused("unauthorized-access"):
        await (await listening.sender(queue)).send(Message(body="m"))
    assert (await (await listening.receiver(queue)).one()).text == "m"


@scenario(ACCESS, needs.KEYS, needs.POLICIES, needs.ADMINISTRATION)
async def managing_needs_its_right(client: Client, broker: Broker) -> None:
    """Without the Manage right nothing can be administered."""
    queue = await broker.queue()
    sending = await client.another(policy=broker.policy("Send"))
    admin = await sending.admin()
    with refused("unauthorized-access"):
        await admin.delete("queue", queue)
