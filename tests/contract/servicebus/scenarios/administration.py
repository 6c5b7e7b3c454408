"""The SDKs' administration clients."""

from __future__ import annotations

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker, subscription
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, messages
from tests.contract.servicebus.scenario import Topic, refused, scenario

ADMINISTRATION = Topic("Administration", "service-bus-management-libraries")


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def queues_are_created_as_described(client: Client, broker: Broker) -> None:
    """A queue is created with the properties given and Azure's defaults for the rest."""
    admin, name = await client.admin(), broker.name("made")
    await admin.create(
        "queue", name,
        lock_duration="PT30S", max_delivery_count=7, requires_session=True,
        default_message_time_to_live="PT2H", dead_lettering_on_message_expiration=True,
        user_metadata="note",
    )  # fmt: skip
    found = await admin.get(
        "queue", [name],
        "name", "lock_duration", "max_delivery_count", "requires_session",
        "default_message_time_to_live", "dead_lettering_on_message_expiration", "user_metadata",
        "status", "requires_duplicate_detection", "enable_batched_operations",
    )  # fmt: skip
    await admin.delete("queue", name)
    assert found == {
        "name": name,
        "lock_duration": "PT30S",
        "max_delivery_count": 7,
        "requires_session": True,
        "default_message_time_to_live": "PT2H",
        "dead_lettering_on_message_expiration": True,
        "user_metadata": "note",
        "status": "Active",
        "requires_duplicate_detection": False,
        "enable_batched_operations": True,
    }


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def queues_are_updated(client: Client, broker: Broker) -> None:
    """What may change of a queue changes, and counts at once."""
    admin, queue = await client.admin(), await broker.queue()
    await admin.update("queue", queue, lock_duration="PT20S", max_delivery_count=3)
    found = await admin.get("queue", [queue], "lock_duration", "max_delivery_count")
    sender, receiver = await client.pair(queue)
    before = broker.now()
    await sender.send(Message(body="m"))
    message = await receiver.one()
    assert found == {"lock_duration": "PT20S", "max_delivery_count": 3}
    assert message.locked_until is not None
    assert abs(message.locked_until - before - 20_000) < 5_000


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def names_are_taken_once(client: Client, broker: Broker) -> None:
    """Creating what exists is refused as already existing; a topic takes a queue's name too."""
    admin, queue = await client.admin(), await broker.queue()
    with refused("entity-already-exists"):
        await admin.create("queue", queue)
    with refused("entity-already-exists"):
        await admin.create("topic", queue)


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def missing_entities_are_not_found(client: Client, broker: Broker) -> None:
    """Getting and deleting what does not exist is refused as not found."""
    admin, name = await client.admin(), broker.name("missing")
    with refused("not-found"):
        await admin.get("queue", [name], "name")
    with refused("not-found"):
        await admin.delete("queue", name)
    with refused("not-found"):
        await admin.get("subscription", [name, "x"], "name")


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def impossible_properties_are_refused(client: Client, broker: Broker) -> None:
    """Forwarding to nowhere and changing what cannot change are refused."""
    admin, queue = await client.admin(), await broker.queue()
    with refused("http-400"):
        await admin.create("queue", broker.name("bad"), forward_to=broker.name("missing"))
    with refused("http-400"):
        await admin.update("queue", queue, requires_session=True)


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def entities_are_listed(client: Client, broker: Broker) -> None:
    """Queues, topics and subscriptions are listed."""
    admin, queue = await client.admin(), await broker.queue()
    topic, [one, two] = await broker.topic(subscription("one"), subscription("two"))
    assert queue in await admin.list("queue")
    assert topic in await admin.list("topic")
    assert await admin.list("subscription", topic) == [one.name, two.name]


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def topics_and_subscriptions_are_made_and_removed(client: Client, broker: Broker) -> None:
    """Topics and subscriptions are created, used, updated and deleted."""
    admin, topic = await client.admin(), broker.name("made")
    await admin.create("topic", topic, default_message_time_to_live="PT1H")
    await admin.create("subscription", topic, "mine", max_delivery_count=4)
    sender = await client.sender(topic)
    await sender.send(Message(body="m"))
    found = await admin.get("topic", [topic], "default_message_time_to_live")
    mine = await admin.get("subscription", [topic, "mine"], "max_delivery_count")
    count = await admin.runtime("subscription", [topic, "mine"], "active_message_count")
    await admin.delete("subscription", topic, "mine")
    left = await admin.list("subscription", topic)
    await admin.delete("topic", topic)
    assert found == {"default_message_time_to_live": "PT1H"}
    assert mine == {"max_delivery_count": 4}
    assert count == {"active_message_count": 1}
    assert left == []
    assert topic not in await admin.list("topic")


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def messages_are_counted(client: Client, broker: Broker) -> None:
    """Runtime properties count active, dead-lettered and scheduled messages."""
    admin, queue = await client.admin(), await broker.queue()
    sender, receiver = await client.pair(queue)
    await sender.send_list(messages("1", "2", "3"))
    await receiver.dead_letter(await receiver.one())
    await sender.schedule(messages("later"), at=broker.now() + 3_600_000)
    counted = await admin.runtime(
        "queue", [queue],
        "active_message_count", "dead_letter_message_count", "scheduled_message_count",
        "total_message_count",
    )  # fmt: skip
    assert counted == {
        "active_message_count": 2,
        "dead_letter_message_count": 1,
        "scheduled_message_count": 1,
        "total_message_count": 4,
    }


@scenario(ADMINISTRATION, needs.ADMINISTRATION)
async def the_namespace_describes_itself(client: Client, broker: Broker) -> None:
    """The namespace tells its name and tier."""
    admin = await client.admin()
    found = await admin.namespace("name", "messaging_sku")
    assert found["name"]
    assert found["messaging_sku"] in ("Basic", "Standard", "Premium")


@scenario(ADMINISTRATION, needs.ADMINISTRATION, needs.LONG_WAITS)
async def idle_queues_delete_themselves(client: Client, broker: Broker) -> None:
    """A queue with AutoDeleteOnIdle is gone when nobody used it for that long."""
    admin, name = await client.admin(), broker.name("idle")
    await admin.create("queue", name, auto_delete_on_idle="PT5M")
    await broker.forward(290)
    there = name in await admin.list("queue")
    await broker.forward(20)
    assert there
    with refused("not-found"):
        await (await client.sender(name)).send(Message(body="m"))
