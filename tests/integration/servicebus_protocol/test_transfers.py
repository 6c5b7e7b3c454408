"""Deliveries in many frames, aborted, settled in every way, in raw frames."""

from __future__ import annotations

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Modified,
    Rejected,
    Transfer,
)
from tests.integration.servicebus_protocol.helpers import counts, filled
from tests.integration.servicebus_protocol.peer import message, opened, text


async def test_a_delivery_in_many_frames_between_others_arrives_whole(
    bus: LocalServiceBus,
) -> None:
    data = message("in pieces")
    async with opened(bus) as peer:
        await peer.attach("a", to="work", handle=0)
        await peer.attach("b", to="work", handle=1)
        peer.say(Transfer(0, 0, b"a", 0, False, True), data[:5])
        peer.say(Transfer(1, 1, b"b", 0, False, False), message("between"))
        peer.say(Transfer(0, more=True), b"")
        peer.say(Transfer(0, more=False), data[5:])
        outcomes = [await peer.outcome(each) for each in (0, 1)]
        await peer.attach("in", source="work")
        peer.flow("in", 2)
        got = [text((await peer.receive())[1]) for _ in range(2)]

    assert outcomes == [Accepted(), Accepted()]
    assert got == ["between", "in pieces"]


async def test_an_aborted_delivery_leaves_nothing_and_costs_no_credit(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.attach("out", to="work")
        for number in range(600):
            peer.say(Transfer(0, number, b"a", 0, False, True), b"half")
            peer.say(Transfer(0, aborted=True))
        peer.say(Transfer(0, 600, b"b", 0, False, False), message("m"))
        outcome = await peer.outcome(600)

    assert (outcome, counts(bus)) == (Accepted(), (1, 0))


async def test_a_settled_transfer_is_stored_and_not_answered(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("out", to="work")
        peer.transfer("out", message("m"), settled=True)
        peer.transfer("out", b"\x00\x53\x74", settled=True)
        asked = peer.transfer("out", message("m"))
        outcome = await peer.outcome(asked)

    assert (outcome, counts(bus)) == (Accepted(), (2, 0))
    assert [said for said in peer.heard if isinstance(said.performative, Rejected)] == []


@pytest.mark.parametrize("modes", [(0, 0), (0, 1), (2, 0), (2, 1)])
async def test_settle_modes_are_echoed_and_both_ways_of_settling_end_in_a_settled_outcome(
    bus: LocalServiceBus, modes: tuple[int, int]
) -> None:
    async with opened(bus) as peer:
        sender = await peer.attach("out", to="work", settle_modes=modes)
        sent = await peer.send("out", message("m"))
        receiver = await peer.attach("in", source="work", settle_modes=modes)
        peer.flow("in", 1)
        transfer, _ = await peer.receive()
        told = await peer.settle(transfer.delivery_id or 0, Accepted())

    echoed = [(link.snd_settle_mode, link.rcv_settle_mode) for link in (sender, receiver)]
    assert echoed == [modes, modes]
    assert (sent, told, counts(bus)) == (Accepted(), Accepted(), (0, 0))


async def test_a_range_of_outcomes_settles_each_of_its_deliveries(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await filled(peer, "a", "b", "c")
        await peer.attach("in", source="work")
        peer.flow("in", 3)
        ids = [(await peer.receive())[0].delivery_id or 0 for _ in range(3)]
        peer.dispose(ids[0], Modified(False, True), last=ids[2])
        told = [await peer.outcome(each) for each in ids]

    assert told == [Modified(False, True)] * 3
    assert bus.inspect()["entities"]["work"]["deferred"] == 3
