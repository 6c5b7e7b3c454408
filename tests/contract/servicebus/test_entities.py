"""Entities that forward, are disabled, go or have limits, as the stock SDK meets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
)

from infra.local.servicebus import ConfigError, LocalServiceBus, ManualClock
from infra.local.servicebus.broker.limits import LIMITS
from infra.local.servicebus.settings import (
    EntityStatus,
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)
from tests.contract.servicebus.conftest import connect, counts, opened
from tests.unit.servicebus_broker.helpers import message, queue_of

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


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the bus has no event for it
            await asyncio.sleep(0.01)


async def send(client: ServiceBusClient, queue: str, text: str) -> None:
    async with client.get_queue_sender(queue) as sender:
        await sender.send_messages(ServiceBusMessage(text))


async def test_what_cannot_be_forwarded_waits_among_the_dead_letters(
    client: ServiceBusClient,
) -> None:
    async with opened(
        client.get_queue_sender("lost"),
        client.get_queue_receiver("lost", sub_queue=ServiceBusSubQueue.DEAD_LETTER),
        client.get_queue_receiver("lost", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER),
    ) as (sender, dead_letters, transfer):
        await sender.send_messages(ServiceBusMessage("a"))
        (dead,) = await dead_letters.receive_messages(1, max_wait_time=60)
        assert await transfer.receive_messages(1, max_wait_time=0.1) == []
    assert dead.dead_letter_reason == "TransferFailed"


@pytest.mark.parametrize(
    ("happening", "error"),
    [("disabled", MessagingEntityDisabledError), ("deleted", MessagingEntityNotFoundError)],
)
async def test_open_links_end_when_their_queue_is_disabled_or_deleted(
    bus: LocalServiceBus, happening: str, error: type[Exception]
) -> None:
    # With one retry: where a link ends while the SDK sends, only the next attach tells it why.
    text = bus.connection_string
    async with (
        ServiceBusClient.from_connection_string(
            text, retry_total=1, retry_backoff_factor=0
        ) as many,
        connect(bus) as once,
        opened(once.get_queue_receiver("dead"), many.get_queue_sender("dead")) as (
            receiver,
            sender,
        ),
    ):
        await sender.send_messages(ServiceBusMessage("a"))
        await receiver.receive_messages(1, max_wait_time=60)
        receiving = asyncio.create_task(receiver.receive_messages(1, max_wait_time=60))
        await asyncio.sleep(0)

        if happening == "disabled":
            bus.namespace.update_queue(QueueConfig("dead", status=EntityStatus.DISABLED), 0)
        else:
            bus.namespace.delete("dead", 0)

        with pytest.raises(error):
            await receiving
        with pytest.raises(error):
            await sender.send_messages(ServiceBusMessage("b"))


async def test_management_links_serve_the_queue_that_has_the_name_now(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    async with client.get_queue_receiver("dead") as receiver:
        await receiver.peek_messages()
        bus.namespace.delete("dead", 0)
        bus.namespace.create_queue(QueueConfig("dead"), 0)
        bus.namespace.send("dead", [message("new")], 0)
        found = await receiver.peek_messages()

    assert [each.message_id for each in found] == ["new"]


async def test_an_idle_queue_is_deleted_once_nobody_uses_it(
    bus: LocalServiceBus, client: ServiceBusClient, clock: ManualClock
) -> None:
    async with client.get_queue_receiver("temporary") as receiver:
        await receiver.receive_messages(1, max_wait_time=0.1)
        clock.forward(seconds=600)
        await bus.advance()
        assert bus.namespace.entity("temporary")
    await until(lambda: not bus.namespace.entity("temporary").receivers)

    clock.forward(seconds=600)
    await bus.advance()

    with pytest.raises(MessagingEntityNotFoundError):
        await send(client, "temporary", "a")


async def test_a_tier_refuses_what_it_refuses_in_the_cloud() -> None:
    config = NamespaceConfig(queues=(QueueConfig("q"),))
    too_large = ServiceBusMessage("x" * 300_000)
    too_many_properties = ServiceBusMessage("a", application_properties={"long": "x" * 70_000})
    async with (
        LocalServiceBus(config, strict_limits="standard") as strict,
        LocalServiceBus(config) as lenient,
        connect(strict) as one,
        connect(lenient) as other,
        opened(one.get_queue_sender("q"), other.get_queue_sender("q")) as (standard, unlimited),
    ):
        for message in (too_large, too_many_properties):
            with pytest.raises(MessageSizeExceededError):
                await standard.send_messages(message)
            await unlimited.send_messages(message)
        await standard.send_messages(ServiceBusMessage("x" * 200_000))
        assert (counts(strict, "q"), counts(lenient, "q")) == ({"active": 1}, {"active": 2})


async def test_a_full_queue_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "emulator", replace(LIMITS["emulator"], entity_bytes=1_000))
    config = NamespaceConfig(queues=(QueueConfig("q"),))
    message = ServiceBusMessage("x" * 600)
    async with (
        LocalServiceBus(config, strict_limits="emulator") as bus,
        connect(bus) as client,
        opened(client.get_queue_sender("q")) as (sender,),
    ):
        await sender.send_messages(message)
        with pytest.raises(ServiceBusQuotaExceededError):
            await sender.send_messages(message)
        queue_of(bus.namespace, "q").receive(1, 0, settle_on_delivery=True)
        await sender.send_messages(message)


async def test_connections_beyond_the_most_are_closed_and_cost_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LIMITS, "emulator", replace(LIMITS["emulator"], connections=1))
    config = NamespaceConfig(queues=(QueueConfig("q"),))
    async with LocalServiceBus(config, strict_limits="emulator") as bus, connect(bus) as client:
        async with client.get_queue_sender("q") as first:
            with pytest.raises(ServiceBusError):
                await send(client, "q", "second")
            await first.send_messages(ServiceBusMessage("a"))
        assert counts(bus, "q") == {"active": 1}


async def test_a_configuration_beyond_the_limits_is_not_served() -> None:
    config = NamespaceConfig(queues=tuple(QueueConfig(f"q{n}") for n in range(51)))

    with pytest.raises(ConfigError, match="50 entities"):
        async with LocalServiceBus(config, strict_limits="emulator"):
            pass
    async with LocalServiceBus(config):
        pass
