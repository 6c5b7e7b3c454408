"""Entities that are disabled, deleted, or new."""

from __future__ import annotations

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

ENTITIES = Topic("Entity status", "entity-suspend")


@scenario(ENTITIES, needs.ADMINISTRATION)
async def a_disabled_queue_does_nothing(client: Client, broker: Broker) -> None:
    """A disabled queue takes and gives nothing: entity-disabled."""
    queue = await broker.queue()
    admin = await client.admin()
    await admin.update("queue", queue, status="Disabled")
    with refused("entity-disabled"):
        await (await client.sender(queue)).send(Message(body="m"))
    with refused("entity-disabled"):
        await (await client.receiver(queue)).once(1, wait=1)


@scenario(ENTITIES, needs.ADMINISTRATION)
async def a_send_disabled_queue_still_gives(client: Client, broker: Broker) -> None:
    """A send-disabled queue gives what it holds and takes nothing."""
    queue = await broker.queue()
    await (await client.sender(queue)).send(Message(body="m"))
    admin = await client.admin()
    await admin.update("queue", queue, status="SendDisabled")
    with refused("entity-disabled"):
        await (await client.sender(queue)).send(Message(body="m"))
    assert (await (await client.receiver(queue)).one()).text == "m"


@scenario(ENTITIES, needs.ADMINISTRATION)
async def a_receive_disabled_queue_still_takes(client: Client, broker: Broker) -> None:
    """A receive-disabled queue takes messages and gives them when it is active again."""
    queue = await broker.queue()
    admin = await client.admin()
    await admin.update("queue", queue, status="ReceiveDisabled")
    await (await client.sender(queue)).send(Message(body="m"))
    with refused("entity-disabled"):
        await (await client.receiver(queue)).once(1, wait=1)
    await admin.update("queue", queue, status="Active")
    assert (await (await client.receiver(queue)).one()).text == "m"


@scenario(ENTITIES, needs.ADMINISTRATION)
async def a_deleted_queue_is_not_found(client: Client, broker: Broker) -> None:
    """After a queue is deleted its name is not found; a new one of that name is empty."""
    queue = await broker.queue()
    await (await client.sender(queue)).send(*messages("old"))
    admin = await client.admin()
    await admin.delete("queue", queue)
    with refused("not-found"):
        await (await client.sender(queue)).send(Message(body="m"))
    await admin.create("queue", queue)
    sender, receiver = await client.pair(queue)
    await sender.send(Message(body="new"))
    assert texts(await receiver.peek()) == ["new"]
