"""Transactions in raw frames, as the .NET and Java SDKs and JMS write them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
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
from infra.local.servicebus.broker.limits import LIMITS
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import EntityStatus, QueueConfig
from tests.integration.servicebus_protocol.conftest import CONFIG
from tests.integration.servicebus_protocol.peer import message, opened, text, within
from tests.integration.servicebus_protocol.transacting import condition, counts, received


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
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
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
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
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
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        done = await peer.discharge(txn)
        final = await peer.expect(Disposition)
        peer.dispose(delivery, Accepted())
        await peer.quiet()

    assert done == Accepted()
    assert (final.role, final.settled, final.state) == (False, True, Accepted())
    assert not [said for said in peer.heard if isinstance(said.performative, Disposition)]


async def test_a_message_is_settled_once_in_a_transaction(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        twice = await peer.settle(delivery, within(txn, Accepted()))

    assert condition(twice) == "com.microsoft:message-lock-lost"


async def test_one_lost_lock_rolls_everything_back(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.send("out", message("answer"), state=within(txn))
        await peer.settle(delivery, within(txn, Accepted()))
        clock.forward(seconds=61)
        await bus.advance()
        done = await peer.discharge(txn)
        gone = await peer.discharge(txn)

    assert condition(done) == "amqp:transaction:rollback"
    assert "message-lock-lost" in done.error.description
    assert condition(gone) == "amqp:transaction:unknown-id"
    assert counts(bus) == {"active": 1}


async def test_a_transaction_ends_two_minutes_after_its_first_work(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        late, early = await peer.declare(), await peer.declare()
        await peer.send("out", message("early"), state=within(early))
        clock.forward(seconds=119)
        await bus.advance()
        await peer.send("out", message("late"), state=within(late))
        clock.forward(seconds=1)
        await bus.advance()
        timed_out, in_time = await peer.discharge(early), await peer.discharge(late)

    assert condition(timed_out) == "amqp:transaction:unknown-id"
    assert (in_time, counts(bus)) == (Accepted(), {"active": 1})


@pytest.mark.parametrize("ending", ["coordinator", "session", "connection"])
async def test_a_transaction_ends_with_its_coordinator(bus: LocalServiceBus, ending: str) -> None:
    async with opened(bus) as peer:
        await peer.begin(channel=1)
        await peer.coordinate(channel=1)
        await peer.attach("out", to="work")
        txn = await peer.declare(channel=1)
        await peer.send("out", message("m"), state=within(txn))
        if ending == "connection":
            peer.say_close()
            await peer.until_closed()
        elif ending == "session":
            await peer.end(channel=1)
        else:
            await peer.detach("coordinator", channel=1)
        if ending != "connection":
            refused = await peer.send("out", message("m"), state=within(txn))
            assert condition(refused) == "amqp:transaction:unknown-id"

    assert counts(bus) == {}


async def test_a_transaction_is_its_connections_own(bus: LocalServiceBus) -> None:
    async with opened(bus) as one, opened(bus, container_id="other") as other:
        await one.coordinate()
        await other.coordinate()
        await other.attach("out", to="work")
        txn = await one.declare()
        sent = await other.send("out", message("m"), state=within(txn))
        discharged = await other.discharge(txn)
        own = await one.discharge(txn)

    assert condition(sent) == condition(discharged) == "amqp:transaction:unknown-id"
    assert own == Accepted()


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


async def test_a_refused_message_nobody_is_told_about_fails_its_transaction(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="sessions")
        txn = await peer.declare()
        with_session = encode_message(properties=Properties(group_id="s"), value="m")
        await peer.send("out", with_session, state=within(txn))
        peer.transfer("out", message("no session"), state=within(txn), settled=True)
        done = await peer.discharge(txn)

    assert condition(done) == "amqp:transaction:rollback"
    assert counts(bus, "sessions") == {}


async def test_a_discharged_transaction_survives_the_end_of_the_process_and_a_held_one_does_not(
    tmp_path: Path,
) -> None:
    async with LocalServiceBus(CONFIG, data=tmp_path) as bus, opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        done, held = await peer.declare(), await peer.declare()
        for txn in (done, held):
            await peer.send("out", message("m"), state=within(txn))
        await peer.discharge(done)
    async with LocalServiceBus(CONFIG, data=tmp_path) as bus:
        kept = counts(bus)

    assert kept == {"active": 1}


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


@pytest.mark.parametrize("change", ["disabled", "deleted", "full"])
async def test_an_entity_that_takes_no_more_when_it_counts_rolls_everything_back(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    small = replace(LIMITS["standard"], entity_bytes=100_000)
    monkeypatch.setitem(LIMITS, "standard", small)
    async with (
        LocalServiceBus(CONFIG, clock=clock, strict_limits="standard") as bus,
        opened(bus) as peer,
    ):
        await peer.coordinate()
        await peer.attach("in", source="work")
        await peer.attach("fill", to="work")
        await peer.attach("out", to="other")
        await peer.send("fill", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        held = [
            await peer.send("out", message("x" * 40_000), state=within(txn))
            for _ in range(3 if change == "full" else 1)
        ]
        if change == "deleted":
            bus.namespace.delete("other", clock())
        elif change == "disabled":
            disabled = QueueConfig("other", status=EntityStatus.SEND_DISABLED)
            bus.namespace.update_queue(disabled, clock())
        done = await peer.discharge(txn)

    assert held == [TransactionalState(txn, Accepted())] * len(held)
    assert condition(done) == "amqp:transaction:rollback"
    assert counts(bus) == {"active": 1, "locked": 1}
