"""What an application sees of each ordered fault, and what the books say afterwards."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.exceptions import (
    MessageLockLostError,
    ServiceBusAuthenticationError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
    SessionLockLostError,
)

from infra.local.servicebus import Fault, LocalServiceBus, ManualClock
from tests.integration.servicebus_operation.conftest import connect, held, patient, put, until
from tests.integration.servicebus_operation.side_by_side import side_by_side, started

__all__ = ["started"]

SECONDS = 60
"""Longest wait for messages; all of them come at once unless a fault holds them back."""


@side_by_side
async def test_a_send_whose_answer_is_lost_is_repeated_and_stored_twice(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    cut = bus.faults.add(Fault(kind="disconnect", at="send", entity="WORK"))

    async with patient(bus) as client, client.get_queue_sender("work") as sender:
        await sender.send_messages(ServiceBusMessage("once"))

    assert (held(bus), cut.hits) == ({"active": 2}, 1)


@side_by_side
async def test_a_send_cut_before_it_took_effect_is_repeated_and_stored_once(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    bus.faults.add(Fault(kind="disconnect", at="send", takes_effect=False))

    async with patient(bus) as client, client.get_queue_sender("work") as sender:
        await sender.send_messages(ServiceBusMessage("once"))

    assert held(bus) == {"active": 1}


@side_by_side
async def test_a_send_that_is_never_answered_times_out_although_it_was_stored(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    await times_out(bus, takes_effect=True)

    assert held(bus) == {"active": 1}


@side_by_side
async def test_a_send_that_never_arrives_times_out_and_nothing_is_stored(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    await times_out(bus, takes_effect=False)

    assert held(bus) == {}


async def times_out(bus: LocalServiceBus, *, takes_effect: bool) -> None:
    lost = bus.faults.add(Fault(kind="drop", at="send", takes_effect=takes_effect))
    async with connect(bus) as client, client.get_queue_sender("work") as sender:
        with pytest.raises(ServiceBusError):
            await sender.send_messages(ServiceBusMessage("silence"), timeout=0.3)
        await until(lambda: lost.hits == 1)


@side_by_side
async def test_the_third_send_of_one_client_is_hit_and_no_other(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    busy = bus.faults.add(Fault(kind="refuse", at="send", message_id="hit", after=2))
    async with connect(bus) as client, client.get_queue_sender("work") as sender:
        for message_id in ("hit", "spared", "hit", "spared"):
            await sender.send_messages(ServiceBusMessage("x", message_id=message_id))
        with pytest.raises(ServiceBusServerBusyError):
            await sender.send_messages(ServiceBusMessage("x", message_id="hit"))
        await sender.send_messages(ServiceBusMessage("x", message_id="hit"))

    assert (held(bus), busy.hits) == ({"active": 5}, 1)


@side_by_side
async def test_refusing_with_a_condition_is_the_error_the_application_knows_it_by(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    full = "amqp:resource-limit-exceeded"
    bus.faults.add(Fault(kind="refuse", at="send", condition=full, description="The queue is full"))
    async with connect(bus) as client, client.get_queue_sender("work") as sender:
        with pytest.raises(ServiceBusQuotaExceededError, match="The queue is full"):
            await sender.send_messages(ServiceBusMessage("too much"))

    assert held(bus) == {}


@side_by_side
async def test_an_attach_is_refused_delayed_and_then_served(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    refused = bus.faults.add(Fault(kind="refuse", at="attach", entity="work"))
    late = bus.faults.add(Fault(kind="delay", at="attach", entity="work", delay_ms=60_000))
    async with connect(bus) as client:
        with pytest.raises(ServiceBusServerBusyError):
            await send_one(client.get_queue_sender("work"))
        sending = asyncio.create_task(send_one(client.get_queue_sender("work")))
        await until(lambda: late.hits == 1)
        assert not sending.done()
        clock.forward(seconds=60)
        await bus.advance()
        await sending

    assert (held(bus), refused.hits) == ({"active": 1}, 1)


async def send_one(sender: object) -> None:
    async with sender:  # type: ignore[attr-defined]
        await sender.send_messages(ServiceBusMessage("x"))  # type: ignore[attr-defined]


@side_by_side
async def test_a_completion_whose_answer_is_lost_has_happened(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "done")
    bus.faults.add(Fault(kind="disconnect", at="settle"))

    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        with pytest.raises((ServiceBusConnectionError, ServiceBusError)):
            await receiver.complete_message(message)

    assert held(bus) == {}


@side_by_side
async def test_a_completion_cut_before_it_took_effect_has_not_and_the_message_comes_again(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "again")
    bus.faults.add(Fault(kind="disconnect", at="settle", takes_effect=False))
    async with connect(bus) as client:
        async with client.get_queue_receiver("work") as receiver:
            (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
            with pytest.raises(ServiceBusError):
                await receiver.complete_message(message)
        assert held(bus) == {"active": 1, "locked": 1}
        clock.forward(seconds=61)
        await bus.advance()
        async with client.get_queue_receiver("work") as receiver:
            (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
            await receiver.complete_message(message)

    assert (message.delivery_count, held(bus)) == (1, {})


@side_by_side
async def test_a_delayed_completion_is_confirmed_by_the_buss_own_clock(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "slow")
    slow = bus.faults.add(Fault(kind="delay", at="settle", delay_ms=10_000))
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        completing = asyncio.create_task(receiver.complete_message(message))
        await until(lambda: slow.hits == 1 and held(bus) == {})
        assert not completing.done()
        clock.forward(seconds=10)
        await bus.advance()
        await completing


@side_by_side
async def test_a_completion_held_beyond_the_lock_is_refused(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "late")
    slow = bus.faults.add(Fault(kind="delay", at="settle", delay_ms=61_000, takes_effect=False))
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        completing = asyncio.create_task(receiver.complete_message(message))
        await until(lambda: slow.hits == 1)
        clock.forward(seconds=61)
        await bus.advance()
        with pytest.raises(MessageLockLostError):
            await completing

    assert held(bus) == {"active": 1}


@side_by_side
async def test_a_message_may_come_twice_under_one_lock_and_only_one_completion_counts(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "twice")
    bus.faults.add(Fault(kind="duplicate", at="receive", message_id="twice"))
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (first,) = await receiver.receive_messages(max_wait_time=SECONDS)
        (second,) = await receiver.receive_messages(max_wait_time=SECONDS)
        await receiver.complete_message(first)
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(second)

    assert (first.sequence_number, held(bus)) == (second.sequence_number, {})


@side_by_side
async def test_a_confirmed_completion_may_be_forgotten_and_the_message_comes_again(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "forgotten")
    bus.faults.add(Fault(kind="duplicate", at="settle"))
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        await receiver.complete_message(message)
        (again,) = await receiver.receive_messages(max_wait_time=SECONDS)
        await receiver.complete_message(again)

    assert (again.message_id, held(bus)) == ("forgotten", {})


@side_by_side
async def test_a_delivery_that_never_arrives_is_locked_until_its_lock_ends(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "lost", "found")
    bus.faults.add(Fault(kind="drop", at="receive", message_id="lost"))
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        await receiver.complete_message(message)
        assert (message.message_id, held(bus)) == ("found", {"active": 1, "locked": 1})
        clock.forward(seconds=61)
        await bus.advance()
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        await receiver.complete_message(message)

    assert (message.message_id, message.delivery_count, held(bus)) == ("lost", 1, {})


@side_by_side
async def test_a_delayed_delivery_arrives_when_the_clock_says_so(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "later")
    late = bus.faults.add(Fault(kind="delay", at="receive", delay_ms=30_000))
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        receiving = asyncio.create_task(receiver.receive_messages(max_wait_time=SECONDS))
        await until(lambda: late.hits == 1)
        clock.forward(seconds=30)
        await bus.advance()
        (message,) = await receiving
        await receiver.complete_message(message)

    assert held(bus) == {}


@side_by_side
async def test_a_receiver_cut_off_at_its_second_delivery_gets_everything_in_the_end(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "1", "2", "3")
    bus.faults.add(Fault(kind="disconnect", at="receive", after=1, takes_effect=False))
    got: list[str] = []
    async with patient(bus) as client, client.get_queue_receiver("work") as receiver:
        while len(got) < 3:
            # What was under way comes back with its lock: a look in vain is followed by another.
            for message in await receiver.receive_messages(3, max_wait_time=2):
                try:
                    await receiver.complete_message(message)
                except ServiceBusError:
                    continue
                got.append(str(message.message_id))
            clock.forward(seconds=61)
            await bus.advance()

    assert (sorted(got), held(bus)) == (["1", "2", "3"], {})


@side_by_side
async def test_receive_and_delete_loses_what_is_dropped_as_at_most_once_promises(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "gone", "kept")
    bus.faults.add(Fault(kind="drop", at="receive"))
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with (
        connect(bus) as client,
        client.get_queue_receiver("work", receive_mode=mode) as receiver,
    ):
        messages = await receiver.receive_messages(2, max_wait_time=SECONDS)

    assert ([message.message_id for message in messages], held(bus)) == (["kept"], {})


@side_by_side
async def test_a_lock_that_is_made_to_expire_is_lost_to_its_holder(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    for at in ("now", "receive", "settle"):
        await is_lost(bus, at)


async def is_lost(bus: LocalServiceBus, at: str) -> None:
    put(bus, "mine")
    fault = Fault(kind="expire-lock", at=at, entity="work", message_id="mine")
    if at != "now":
        bus.faults.add(fault)
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        if at == "now":
            assert bus.faults.add(fault).hits == 1
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(message)
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        await receiver.complete_message(message)

    assert (message.delivery_count, held(bus)) == (1, {})


@side_by_side
async def test_a_session_lock_that_is_made_to_expire_frees_the_session_for_the_next(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with connect(bus) as client:
        async with client.get_queue_receiver("visits", session_id="anna") as receiver:
            ended = bus.faults.add(Fault(kind="expire-lock", entity="visits", session_id="anna"))
            with pytest.raises(SessionLockLostError):
                await receiver.session.set_state(b"lost")
        async with client.get_queue_receiver("visits", session_id="anna") as receiver:
            state = await receiver.session.get_state()

    assert ended.hits == 1
    assert not state


@side_by_side
async def test_operations_of_management_and_of_cbs_fail_one_by_one(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "renewed")
    bus.faults.add(Fault(kind="refuse", at="management:renew-lock", entity="work"))
    async with connect(bus) as client, client.get_queue_receiver("work") as receiver:
        (message,) = await receiver.receive_messages(max_wait_time=SECONDS)
        assert len(await receiver.peek_messages(sequence_number=1)) == 1
        with pytest.raises(ServiceBusServerBusyError):
            await receiver.renew_message_lock(message)
        await receiver.renew_message_lock(message)
    bus.faults.add(
        Fault(kind="refuse", at="management:put-token", condition="amqp:unauthorized-access")
    )
    async with connect(bus) as client:
        with pytest.raises(ServiceBusAuthenticationError):
            await send_one(client.get_queue_sender("work"))


@side_by_side
async def test_a_request_whose_answer_is_lost_has_happened_and_a_delayed_one_is_answered_in_time(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    at = "management:schedule-message"
    due = datetime.now(timezone.utc) + timedelta(hours=1)
    async with patient(bus) as client, client.get_queue_sender("work") as sender:
        cut = bus.faults.add(Fault(kind="disconnect", at=at))
        await sender.schedule_messages(ServiceBusMessage("twice"), due)
        late = bus.faults.add(Fault(kind="delay", at=at, delay_ms=60_000))
        scheduling = asyncio.create_task(sender.schedule_messages(ServiceBusMessage("x"), due))
        await until(lambda: late.hits == 1 and held(bus) == {"scheduled": 3})
        assert not scheduling.done()
        clock.forward(seconds=60)
        await bus.advance()
        await scheduling

    assert cut.hits == 1


@side_by_side
async def test_an_attach_that_is_cut_off_is_tried_again(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    cut = bus.faults.add(Fault(kind="disconnect", at="attach", entity="work"))
    async with patient(bus) as client, client.get_queue_sender("work") as sender:
        await sender.send_messages(ServiceBusMessage("x"))

    assert (cut.hits, held(bus)) == (1, {"active": 1})


@side_by_side
async def test_everybody_is_cut_off_at_once_and_comes_back(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with (
        patient(bus) as client,
        client.get_queue_sender("work") as work,
        client.get_queue_sender("other") as too,
    ):
        everybody = bus.faults.add(Fault(kind="disconnect", times=None))
        await work.send_messages(ServiceBusMessage("x"))
        await too.send_messages(ServiceBusMessage("x"))

    assert everybody.hits == 2
    assert (held(bus), held(bus, "other")) == ({"active": 1}, {"active": 1})


@side_by_side
async def test_chance_strikes_the_same_operations_for_the_same_seed(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async def refused(seed: int) -> list[int]:
        fault = bus.faults.add(
            Fault(kind="refuse", at="send", times=None, probability=0.5, seed=seed)
        )
        found = []
        async with connect(bus) as client, client.get_queue_sender("work") as sender:
            for number in range(12):
                try:
                    await sender.send_messages(ServiceBusMessage("x"))
                except ServiceBusServerBusyError:
                    found.append(number)
        fault.remove()
        return found

    first = await refused(seed=1)

    assert 0 < len(first) < 12
    assert await refused(seed=1) == first


STORM = (
    Fault(kind="disconnect", at="send"),
    Fault(kind="disconnect", at="send", takes_effect=False),
    Fault(kind="refuse", at="send"),
    Fault(kind="disconnect", at="receive"),
    Fault(kind="drop", at="receive"),
    Fault(kind="duplicate", at="receive"),
    Fault(kind="expire-lock", at="receive"),
    Fault(kind="disconnect", at="settle"),
    Fault(kind="disconnect", at="settle", takes_effect=False),
    Fault(kind="refuse", at="settle"),
    Fault(kind="duplicate", at="settle"),
    Fault(kind="expire-lock", at="settle"),
)


@side_by_side
async def test_whatever_goes_wrong_nothing_is_lost(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    sent = {str(number) for number in range(30)}
    seen: set[str] = set()
    ordered = [
        bus.faults.add(replace(fault, times=2, probability=0.2, seed=seed))
        for seed, fault in enumerate(STORM)
    ]
    async with (
        patient(bus) as client,
        client.get_queue_sender("other") as sender,
        client.get_queue_receiver("other") as receiver,
    ):
        for message_id in sorted(sent):
            await insist(sender.send_messages, ServiceBusMessage("x", message_id=message_id))
        while counts := held(bus, "other"):
            if counts.get("active") == counts.get("locked"):
                clock.forward(seconds=61)
                await bus.advance()
            for message in await receiver.receive_messages(10, max_wait_time=SECONDS):
                seen.add(str(message.message_id))
                with suppress(ServiceBusError):
                    await receiver.complete_message(message)

    assert seen == sent
    assert all(each.hits for each in ordered)


async def insist(send_messages: Any, message: ServiceBusMessage) -> None:
    """As an outbox does."""
    while True:
        with suppress(ServiceBusError):
            await send_messages(message)
            return
