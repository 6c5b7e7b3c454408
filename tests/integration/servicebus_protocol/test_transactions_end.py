"""How transactions end: by timeout, with their coordinator, rolled back, and durably."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import (
    Properties,
    encode_message,
)
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    TransactionalState,
)
from infra.local.servicebus.broker.limits import LIMITS
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import EntityStatus, QueueConfig
from tests.integration.servicebus_protocol.conftest import CONFIG
from tests.integration.servicebus_protocol.peer import message, opened, within
from tests.integration.servicebus_protocol.transacting import condition, counts, delivered, received


async def test_one_lost_lock_rolls_everything_back(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        delivery = await delivered(peer)
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


@pytest.mark.parametrize("change", ["disabled", "full"])
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
        await peer.attach("out", to="work")
        await peer.send("fill", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        held = [
            await peer.send("out", message("x" * 40_000), state=within(txn))
            for _ in range(3 if change == "full" else 1)
        ]
        if change == "disabled":
            disabled = QueueConfig("work", status=EntityStatus.SEND_DISABLED)
            bus.namespace.update_queue(disabled, clock())
        done = await peer.discharge(txn)

    assert held == [TransactionalState(txn, Accepted())] * len(held)
    assert condition(done) == "amqp:transaction:rollback"
    assert counts(bus) == {"active": 1, "locked": 1}
