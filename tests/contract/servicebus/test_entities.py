"""Entities that forward, are disabled, go or have limits, as the stock SDK meets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
)

from infra.local.servicebus import ConfigError, LocalServiceBus, ManualClock
from infra.local.servicebus.settings import (
    EntityStatus,
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)
from tests.contract.servicebus.conftest import connect

CONFIG = NamespaceConfig(
    queues=(
        QueueConfig("in", forward_to="news"),
        QueueConfig("work", forward_dead_lettered_messages_to="dead"),
        QueueConfig("dead"),
        QueueConfig("off", status=EntityStatus.DISABLED),
        QueueConfig("lost", forward_to="off"),
        QueueConfig("temporary", auto_delete_on_idle=300_000),
    ),
    topics=(TopicConfig("news", subscriptions=(SubscriptionConfig("all"),)),),
)


@pytest.fixture
async def bus(clock: ManualClock) -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(CONFIG, clock=clock) as running:
        yield running


async def send(client: ServiceBusClient, queue: str, text: str) -> None:
    async with client.get_queue_sender(queue) as sender:
        await sender.send_messages(ServiceBusMessage(text))


async def test_a_forwarded_message_arrives_under_a_new_number(client: ServiceBusClient) -> None:
    await send(client, "in", "first")
    async with client.get_topic_sender("news") as sender:
        await sender.send_messages(ServiceBusMessage("direct"))

    async with client.get_subscription_receiver("news", "all") as receiver:
        messages = await receiver.receive_messages(2, max_wait_time=5)
        if len(messages) < 2:
            messages += await receiver.receive_messages(1, max_wait_time=5)

    assert [str(each) for each in messages] == ["first", "direct"]
    numbers = [(each.sequence_number, each.enqueued_sequence_number) for each in messages]
    assert numbers == [(1, 1), (2, 2)]


async def test_a_forwarded_dead_letter_says_why_and_where_it_died(client: ServiceBusClient) -> None:
    await send(client, "work", "bad")
    async with client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(1, max_wait_time=5)
        await receiver.dead_letter_message(message, reason="why", error_description="because")

    async with client.get_queue_receiver("dead") as receiver:
        (dead,) = await receiver.receive_messages(1, max_wait_time=5)

    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("why", "because")
    assert dead.dead_letter_source == "work"


async def test_what_cannot_be_forwarded_waits_among_the_dead_letters(
    client: ServiceBusClient,
) -> None:
    await send(client, "lost", "a")

    async with client.get_queue_receiver(
        "lost", sub_queue=ServiceBusSubQueue.DEAD_LETTER
    ) as receiver:
        (dead,) = await receiver.receive_messages(1, max_wait_time=5)
    assert dead.dead_letter_reason == "TransferFailed"


async def test_the_transfer_dead_letter_queue_can_be_received_from(
    client: ServiceBusClient,
) -> None:
    async with client.get_queue_receiver(
        "lost", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER
    ) as receiver:
        assert await receiver.receive_messages(1, max_wait_time=0.2) == []


async def test_nothing_is_received_from_what_forwards(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusError, match="forwards to 'news'"):
        async with client.get_queue_receiver("in") as receiver:
            await receiver.receive_messages(1, max_wait_time=1)


async def test_a_disabled_queue_neither_takes_nor_gives(client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityDisabledError):
        await send(client, "off", "a")
    with pytest.raises(MessagingEntityDisabledError):
        async with client.get_queue_receiver("off") as receiver:
            await receiver.receive_messages(1, max_wait_time=1)


@pytest.mark.parametrize(
    ("happening", "error"),
    [("disabled", MessagingEntityDisabledError), ("deleted", MessagingEntityNotFoundError)],
)
async def test_open_links_end_when_their_queue_is_disabled_or_deleted(
    bus: LocalServiceBus, client: ServiceBusClient, happening: str, error: type[Exception]
) -> None:
    async with AsyncExitStack() as links:
        receiver = await links.enter_async_context(client.get_queue_receiver("dead"))
        sender = await links.enter_async_context(client.get_queue_sender("dead"))
        await sender.send_messages(ServiceBusMessage("a"))
        receiving = asyncio.create_task(receiver.receive_messages(5, max_wait_time=60))
        while not bus.namespace.entity("dead").receivers:
            await asyncio.sleep(0.01)

        if happening == "disabled":
            off = QueueConfig("work"), QueueConfig("dead", status=EntityStatus.DISABLED)
            bus.namespace.update_queue(off[1], 0)
        else:
            bus.namespace.delete("dead", 0)

        with pytest.raises(error):
            await receiving
            await receiver.receive_messages(1, max_wait_time=5)
        with pytest.raises(error):
            await sender.send_messages(ServiceBusMessage("b"))


async def test_an_idle_queue_is_deleted_once_nobody_uses_it(
    bus: LocalServiceBus, client: ServiceBusClient, clock: ManualClock
) -> None:
    async with client.get_queue_receiver("temporary") as receiver:
        await receiver.receive_messages(1, max_wait_time=0.1)
        clock.forward(600_000)
        await bus.advance()
        assert bus.namespace.entity("temporary")
    while bus.namespace.entity("temporary").receivers:
        await asyncio.sleep(0.01)

    clock.forward(600_000)
    await bus.advance()

    with pytest.raises(MessagingEntityNotFoundError):
        await send(client, "temporary", "a")


async def test_a_tier_refuses_what_it_refuses_in_the_cloud() -> None:
    config = NamespaceConfig(queues=(QueueConfig("q"),))
    async with LocalServiceBus(config, strict_limits="standard") as bus, connect(bus) as client:
        with pytest.raises(MessageSizeExceededError):
            await send(client, "q", "x" * 300_000)
        with pytest.raises(MessageSizeExceededError):
            async with client.get_queue_sender("q") as sender:
                await sender.send_messages(
                    ServiceBusMessage("a", application_properties={"long": "x" * 70_000})
                )
        await send(client, "q", "x" * 200_000)
    async with LocalServiceBus(config) as bus, connect(bus) as client:
        await send(client, "q", "x" * 300_000)


async def test_a_full_queue_takes_no_more() -> None:
    config = NamespaceConfig(queues=(QueueConfig("q"),))
    async with LocalServiceBus(config, strict_limits="emulator") as bus, connect(bus) as client:
        queue = bus.namespace.entity("q")
        queue._stored_bytes += 100 * 1024 * 1024
        with pytest.raises(ServiceBusQuotaExceededError):
            await send(client, "q", "one more")
        queue._stored_bytes -= 100 * 1024 * 1024
        await send(client, "q", "one more")


async def test_the_emulator_takes_ten_connections() -> None:
    config = NamespaceConfig(queues=(QueueConfig("q"),))
    async with (
        LocalServiceBus(config, strict_limits="emulator") as bus,
        connect(bus) as client,
        AsyncExitStack() as links,
    ):
        for _ in range(10):
            await links.enter_async_context(client.get_queue_sender("q"))
        with pytest.raises((ServiceBusConnectionError, ServiceBusError), match="connections"):
            await links.enter_async_context(client.get_queue_sender("q"))


async def test_a_configuration_beyond_the_limits_is_not_served() -> None:
    config = NamespaceConfig(queues=tuple(QueueConfig(f"q{n}") for n in range(51)))

    with pytest.raises(ConfigError, match="50 entities"):
        async with LocalServiceBus(config, strict_limits="emulator"):
            pass
    async with LocalServiceBus(config):
        pass
