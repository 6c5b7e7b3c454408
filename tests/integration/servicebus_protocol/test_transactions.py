"""Transactions in raw frames, as the .NET and Java SDKs and JMS write them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import (
    BATCH_FORMAT,
    Properties,
    encode_message,
)
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Coordinator,
    Disposition,
    Error,
    Modified,
    Rejected,
    Released,
    TransactionalState,
)
from infra.local.servicebus.amqp.values import Array, Symbol
from tests.integration.servicebus_protocol.peer import message, opened, text, within
from tests.integration.servicebus_protocol.transacting import condition, counts, delivered


async def test_a_coordinator_is_attached_as_it_was_asked_for_and_declares(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        wanted = Coordinator(Array(0xB3, [Symbol("amqp:local-transactions")]))
        attach = await peer.attach("coordinator", to=wanted)
        first, second = await peer.declare(), await peer.declare()

    assert attach.target == wanted
    assert first
    assert first != second


async def test_what_a_transaction_sends_is_there_once_it_is_discharged(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        txn = await peer.declare()
        told = await peer.send("out", message("held"), state=within(txn))
        before = counts(bus)
        done = await peer.discharge(txn)

    assert told == TransactionalState(txn, Accepted())
    assert (before, done, counts(bus)) == ({}, Accepted(), {"active": 1})


async def test_a_rolled_back_send_vanishes(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="news")
        txn = await peer.declare()
        await peer.send("out", message("never"), state=within(txn))
        done = await peer.discharge(txn, fail=True)

    assert done == Accepted()
    assert counts(bus, "news/Subscriptions/a") == {}


@pytest.mark.parametrize(
    ("outcome", "told", "left"),
    [
        (Accepted(), Accepted(), {}),
        (Released(), Released(), {"active": 1}),
        (Modified(True, False), Modified(True, False), {"active": 1}),
        (Modified(None, True), Modified(None, True), {"deferred": 1}),
        (Rejected(Error("com.microsoft:dead-letter")), Rejected(), {"deadLettered": 1}),
    ],
)
async def test_a_settlement_waits_for_the_discharge(
    bus: LocalServiceBus, outcome: Any, told: Any, left: dict[str, int]
) -> None:
    async with opened(bus) as peer:
        delivery = await delivered(peer)
        txn = await peer.declare()
        answer = await peer.settle(delivery, within(txn, outcome))
        before = counts(bus)
        await peer.discharge(txn)

    assert answer == TransactionalState(txn, told)
    assert before == {"active": 1, "locked": 1}
    assert counts(bus) == left


async def test_after_a_rollback_the_message_is_still_locked_for_its_receiver(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        delivery = await delivered(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        await peer.discharge(txn, fail=True)
        still = counts(bus)
        again = await peer.settle(delivery, Accepted())

    assert still == {"active": 1, "locked": 1}
    assert (again, counts(bus)) == (Accepted(), {})


async def test_a_settled_message_cannot_be_settled_again_after_its_transaction(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        delivery = await delivered(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        done = await peer.discharge(txn)
        final = await peer.expect(Disposition)
        [client] = bus.clients
        remembered = client.connection.sessions[0].unsettled

    assert done == Accepted()
    assert (final.role, final.settled, final.state) == (False, True, Accepted())
    assert remembered == {}


async def test_a_message_is_settled_once_in_a_transaction(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        delivery = await delivered(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        twice = await peer.settle(delivery, within(txn, Accepted()))

    assert condition(twice) == "com.microsoft:message-lock-lost"


async def test_another_session_of_the_connection_may_work_in_a_transaction(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.begin(channel=1)
        await peer.coordinate()
        await peer.attach("out", to="work", channel=1)
        txn = await peer.declare()
        await peer.send("out", message("m"), channel=1, state=within(txn))
        await peer.discharge(txn)

    assert counts(bus) == {"active": 1}


async def test_a_transaction_holds_a_hundred_messages(bus: LocalServiceBus) -> None:
    batch = encode_message(data=[message("m")] * 60)
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        txn = await peer.declare()
        answers = []
        for _ in range(2):
            sent = peer.transfer("out", batch, state=within(txn), message_format=BATCH_FORMAT)
            answers.append(await peer.outcome(sent))
        await peer.discharge(txn)

    assert answers[0] == TransactionalState(txn, Accepted())
    assert condition(answers[1]) == "amqp:resource-limit-exceeded"
    assert counts(bus) == {"active": 60}


async def test_duplicates_within_a_transaction_and_before_it_are_dropped_at_its_discharge(
    bus: LocalServiceBus,
) -> None:
    same = encode_message(properties=Properties(message_id="same"), value="m")
    other = encode_message(properties=Properties(message_id="other"), value="m")
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="once")
        first, second = await peer.declare(), await peer.declare()
        for txn, data in ((first, same), (second, same), (second, other), (second, other)):
            await peer.send("out", data, state=within(txn))
        await peer.discharge(first, fail=True)
        outcome = await peer.discharge(second)

    assert (outcome, counts(bus, "once")) == (Accepted(), {"active": 2})


async def test_a_coordinator_refuses_what_is_no_command(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        answers = [
            await peer.send("coordinator", body)
            for body in (message("hello"), encode_message(data=b"x"), b"\x00\x53\x77\xc0")
        ]
        still = await peer.declare()

    assert all(isinstance(answer, Rejected) for answer in answers)
    assert still


async def test_messages_of_a_transaction_keep_their_order(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        txn = await peer.declare()
        for number in range(5):
            await peer.send("out", message(f"{number}"), state=within(txn))
        await peer.discharge(txn)
        peer.flow("in", 5)
        got = [await peer.receive() for _ in range(5)]

    assert [text(data) for _, data in got] == ["0", "1", "2", "3", "4"]
    assert len({UUID(bytes_le=transfer.delivery_tag or b"") for transfer, _ in got}) == 5
