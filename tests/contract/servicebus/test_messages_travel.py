"""Messages between the real SDK's senders and receivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import azure.servicebus as sync
import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageSizeExceededError, MessagingEntityNotFoundError

from infra.local.servicebus import LocalServiceBus, ManualClock
from tests.contract.servicebus.conftest import CONFIG, connect, counts, opened


async def test_a_message_arrives_with_everything_its_sender_said(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    sent = ServiceBusMessage(
        b"\x00body\xff",
        message_id="id-1",
        subject="label",
        content_type="application/json",
        correlation_id="cause",
        reply_to="answers",
        to="somebody",
        application_properties={
            "text": "ü", "count": 7, "ratio": 0.5, "yes": True,
            "id": UUID(int=5), "when": datetime(2026, 1, 2, tzinfo=UTC),  # type: ignore[dict-item]
        },
    )  # fmt: skip
    async with opened(client.get_queue_sender("work"), client.get_queue_receiver("work")) as (
        sender,
        receiver,
    ):
        await sender.send_messages(sent)
        [got] = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
        await receiver.complete_message(got)

    assert b"".join(got.body) == b"\x00body\xff"
    assert got.application_properties == {
        b"text": "ü".encode(), b"count": 7, b"ratio": 0.5, b"yes": True,
        b"id": UUID(int=5), b"when": 1767312000000,
    }  # fmt: skip
    assert (got.message_id, got.subject, got.content_type) == ("id-1", "label", "application/json")
    assert (got.correlation_id, got.reply_to, got.to) == ("cause", "answers", "somebody")
    assert (got.sequence_number, got.delivery_count) == (1, 0)
    assert counts(bus, "work") == {}


async def test_subscriptions_get_what_their_rules_select_and_duplicates_once(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    async with opened(
        client.get_topic_sender("sale-completed"),
        client.get_subscription_receiver("sale-completed", "all"),
        client.get_subscription_receiver("sale-completed", "DEAR"),
    ) as (sender, all_, dear_):
        batch = await sender.create_message_batch()
        for number, amount in enumerate((5, 150, 150, 99)):
            batch.add_message(
                ServiceBusMessage(
                    str(number),
                    message_id="twice" if number in (1, 2) else str(number),
                    subject="sale",
                    application_properties={"amount": amount},
                )
            )
        await sender.send_messages(batch)
        await sender.send_messages(ServiceBusMessage("again", message_id="0"))
        everything = await all_.receive_messages(max_message_count=10, max_wait_time=5)
        dear = await dear_.receive_messages(max_message_count=10, max_wait_time=5)

    assert [str(message) for message in everything] == ["0", "1", "3"]
    assert [str(message) for message in dear] == ["1"]


async def test_receive_and_delete_leaves_nothing_behind(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    got: list[str] = []
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with opened(
        client.get_queue_sender("work"), client.get_queue_receiver("work", receive_mode=mode)
    ) as (sender, receiver):
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(20)])
        while len(got) < 20:
            received = await receiver.receive_messages(max_message_count=20, max_wait_time=5)
            assert received
            got += [str(message) for message in received]

    assert got == [str(number) for number in range(20)]
    assert counts(bus, "work") == {}


async def test_messages_larger_than_a_frame_arrive_whole(client: ServiceBusClient) -> None:
    large = bytes(range(256)) * 3600  # 900 KiB: 15 frames
    async with opened(client.get_queue_sender("work"), client.get_queue_receiver("work")) as (
        sender,
        receiver,
    ):
        await sender.send_messages(ServiceBusMessage(large))
        with pytest.raises(MessageSizeExceededError):
            await sender.send_messages(ServiceBusMessage(b"x" * 1_100_000))
        [got] = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
        await receiver.complete_message(got)

    assert b"".join(got.body) == large


async def test_released_messages_regain_their_place(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    async with client.get_queue_sender("work") as sender:
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(10)])
    async with client.get_queue_receiver("work", prefetch_count=10) as receiver:
        # What was prefetched and not asked for is released on closing.
        [first] = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
        await receiver.complete_message(first)
    got: list[sync.ServiceBusReceivedMessage] = []
    async with client.get_queue_receiver("work") as receiver:
        while len(got) < 9:
            received = await receiver.receive_messages(max_message_count=9, max_wait_time=5)
            assert received
            got += received

    assert [str(message) for message in got] == [str(number) for number in range(1, 10)]
    assert {message.delivery_count for message in got} == {0}


async def test_scheduled_messages_come_at_their_time_unless_cancelled(clock: ManualClock) -> None:
    async with LocalServiceBus(CONFIG, clock=clock) as bus:
        later = datetime.fromtimestamp(clock() / 1000 + 3600, UTC)
        async with (
            connect(bus) as client,
            opened(
                client.get_topic_sender("sale-completed"),
                client.get_subscription_receiver("sale-completed", "all"),
            ) as (sender, receiver),
        ):
            kept, dropped = await sender.schedule_messages(
                [ServiceBusMessage("kept"), ServiceBusMessage("dropped")], later
            )
            await sender.cancel_scheduled_messages(dropped)
            early = counts(bus, "sale-completed/Subscriptions/all")
            clock.forward(seconds=3601)
            await bus.advance()
            got = await receiver.receive_messages(max_message_count=5, max_wait_time=5)

    assert kept != dropped
    assert early == {}
    assert [str(message) for message in got] == ["kept"]


async def test_an_unknown_entity_is_refused_by_name(client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError, match="'nowhere' could not be found"):
        async with client.get_queue_sender("nowhere") as sender:
            await sender.send_messages(ServiceBusMessage("lost"))


def _sync_day(connection_string: str) -> list[str]:
    """Send, receive, dead-letter and read back with the blocking SDK."""
    seen: list[str] = []
    with sync.ServiceBusClient.from_connection_string(connection_string) as client:
        with client.get_queue_sender("work") as sender:
            sender.send_messages([ServiceBusMessage("good"), ServiceBusMessage("bad")])
        with client.get_queue_receiver("work") as receiver:
            settle: dict[str, Callable[[sync.ServiceBusReceivedMessage], None]] = {
                "good": receiver.complete_message,
                "bad": lambda message: receiver.dead_letter_message(message, reason="no use"),
            }
            while len(seen) < 2:
                for message in receiver.receive_messages(max_message_count=2, max_wait_time=5):
                    settle[str(message)](message)
                    seen.append(str(message))
        with client.get_queue_receiver("work", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead:
            [message] = dead.receive_messages(max_message_count=1, max_wait_time=5)
            dead.complete_message(message)
            seen.append(str(message.dead_letter_reason))
    return seen


async def test_the_blocking_sdk_works_as_well(bus: LocalServiceBus) -> None:
    assert await asyncio.to_thread(_sync_day, bus.connection_string) == ["good", "bad", "no use"]
    assert counts(bus, "work") == {}
