"""What becomes of a received message, asked for by the real SDK."""

from __future__ import annotations

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError

from infra.local.servicebus import LocalServiceBus, ManualClock
from tests.contract.servicebus.conftest import CONFIG, connect, counts, opened


async def test_every_way_to_settle_does_what_it_says(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    names = ["complete", "abandon", "dead-letter", "defer"]
    async with opened(
        client.get_queue_sender("work"),
        client.get_queue_receiver("work"),
        client.get_queue_receiver("work", sub_queue=ServiceBusSubQueue.DEAD_LETTER),
    ) as (sender, receiver, dead_letters):
        await sender.send_messages([ServiceBusMessage(name) for name in names])
        got: dict[str, ServiceBusReceivedMessage] = {}
        while len(got) < 4:
            for message in await receiver.receive_messages(max_message_count=4, max_wait_time=5):
                got[str(message)] = message
        locked = counts(bus, "work")
        await receiver.complete_message(got["complete"])
        await receiver.dead_letter_message(
            got["dead-letter"], reason="invalid-data", error_description="Total differs."
        )
        await receiver.defer_message(got["defer"])
        await receiver.abandon_message(got["abandon"])
        [again] = await receiver.receive_messages(max_message_count=4, max_wait_time=5)
        await receiver.complete_message(again)
        number = got["defer"].sequence_number
        peeked = await receiver.peek_messages(max_message_count=10)
        [deferred] = await receiver.receive_deferred_messages(number)
        with pytest.raises(MessageNotFoundError):
            await receiver.receive_deferred_messages(number)
        await receiver.complete_message(deferred)
        [dead] = await dead_letters.receive_messages(max_message_count=4, max_wait_time=5)
        await dead_letters.complete_message(dead)

    assert locked == {"active": 4, "locked": 4}
    assert (str(again), again.delivery_count) == ("abandon", 1)
    assert [(str(m), m.state.name) for m in peeked] == [("defer", "DEFERRED")]
    assert str(deferred) == "defer"
    assert (str(dead), dead.dead_letter_reason, dead.dead_letter_error_description) == (
        "dead-letter",
        "invalid-data",
        "Total differs.",
    )
    assert counts(bus, "work") == {}


async def test_a_message_abandoned_too_often_is_dead_lettered(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    deliveries = []
    async with opened(
        client.get_queue_sender("work"),
        client.get_queue_receiver("work"),
        client.get_queue_receiver("work", sub_queue=ServiceBusSubQueue.DEAD_LETTER),
    ) as (sender, receiver, dead_letters):
        await sender.send_messages(ServiceBusMessage("poison", message_id="p"))
        for _ in range(3):
            [message] = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            deliveries.append(message.delivery_count)
            await receiver.abandon_message(message)
        [dead] = await dead_letters.receive_messages(max_message_count=1, max_wait_time=5)

    assert deliveries == [0, 1, 2]
    assert (dead.message_id, dead.dead_letter_reason) == ("p", "MaxDeliveryCountExceeded")
    assert dead.dead_letter_error_description == (
        "Message could not be consumed after 3 delivery attempts."
    )


async def test_a_lock_lasts_until_it_expires_and_renewing_moves_that(clock: ManualClock) -> None:
    async with (
        LocalServiceBus(CONFIG, clock=clock) as bus,
        connect(bus) as client,
    ):
        async with opened(client.get_queue_sender("work"), client.get_queue_receiver("work")) as (
            sender,
            receiver,
        ):
            await sender.send_messages(ServiceBusMessage("slow"))
            [message] = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            clock.forward(seconds=50)
            await bus.advance()
            until = await receiver.renew_message_lock(message)
            clock.forward(seconds=50)
            await bus.advance()
            held = counts(bus, "work")
            clock.forward(seconds=11)
            await bus.advance()
            with pytest.raises(MessageLockLostError):
                await receiver.complete_message(message)
            [again] = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
            await receiver.complete_message(again)
        left = counts(bus, "work")

    assert until.timestamp() * 1000 == clock() - 61_000 + 60_000
    assert held == {"active": 1, "locked": 1}
    assert again.delivery_count == 1
    assert left == {}


async def test_peeking_takes_nothing_and_shows_all_states(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    async with opened(client.get_queue_sender("work"), client.get_queue_receiver("work")) as (
        sender,
        receiver,
    ):
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(5)])
        first = await receiver.peek_messages(max_message_count=3)
        rest = await receiver.peek_messages(max_message_count=3)
        none = await receiver.peek_messages(max_message_count=3, sequence_number=100)

    assert [str(message) for message in first] == ["0", "1", "2"]
    assert [str(message) for message in rest] == ["3", "4"]
    assert none == []
    assert counts(bus, "work") == {"active": 5}
