"""Corners of AMQP 1.0 that SDKs reach rarely and other clients often, in raw frames."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.limits import CHANNEL_MAX, HANDLE_MAX
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Detach,
    End,
    Flow,
    Modified,
    Rejected,
    Released,
    Transfer,
)
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import AuthorizationRule
from tests.integration.servicebus_protocol.conftest import CONFIG
from tests.integration.servicebus_protocol.peer import Peer, connected, message, opened, text


def counts(bus: LocalServiceBus, address: str = "work") -> tuple[int, int]:
    """(active, of these locked)"""
    entity = bus.inspect()["entities"][address]
    return entity["active"], entity["locked"]


async def filled(peer: Peer, *texts: str) -> None:
    await peer.attach("fill", to="work")
    for each in texts:
        assert await peer.send("fill", message(each)) == Accepted()


# Links


async def test_a_link_attached_again_by_its_container_is_stolen_from_the_old_connection(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as old, opened(bus) as new, opened(bus, container_id="else") as other:
        await other.attach("link", source="work")
        await old.attach("link", source="work")
        await new.attach("link", source="work")
        stolen = await old.expect(Detach)
        await filled(new, "m")
        new.flow("link", 1)
        _, got = await new.receive()
        await other.quiet()

    assert stolen.error.condition == "amqp:link:stolen"
    assert text(got) == "m"
    assert not [said for said in other.heard if isinstance(said.performative, Detach)]


async def test_a_sender_and_a_receiver_may_share_a_name(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("pair", to="work", handle=0)
        await peer.attach("pair", source="work", handle=1)
        await peer.quiet()

    assert not [said for said in peer.heard if isinstance(said.performative, Detach)]


async def test_a_suspended_link_can_be_attached_again_and_begins_anew(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await filled(peer, "one", "two")
        await peer.attach("in", source="work", handle=7)
        peer.flow("in", 1)
        await peer.receive()
        suspended = await peer.detach("in", closed=False)
        unsettled = {b"0": Released()}
        peer.say(Attach("in", 7, True, source=None, unsettled=unsettled))
        refused = await peer.expect(Attach)
        await peer.expect(Detach)
        await peer.attach("again", source="work", handle=8)
        peer.flow("again", 1)
        _, got = await peer.receive()

    assert suspended.closed is False
    assert (refused.source, refused.unsettled) == (None, None)
    assert text(got) == "two"


async def test_a_resumed_delivery_is_refused_and_the_session_goes_on(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("out", to="work")
        peer.transfer("out", message("again"), resume=True)
        detach = await peer.expect(Detach)
        await filled(peer, "m")

    assert detach.error.condition == "amqp:not-implemented"
    assert counts(bus) == (1, 0)


async def test_handles_and_channels_end_where_the_bus_says(bus: LocalServiceBus) -> None:
    async with connected(bus) as peer:
        ours = await peer.open()
        begin = await peer.begin(channel=CHANNEL_MAX)
        await peer.attach("last", to="work", handle=HANDLE_MAX, channel=CHANNEL_MAX)
        peer.say_attach("beyond", to="work", handle=HANDLE_MAX + 1, channel=CHANNEL_MAX)
        close = await peer.expect(Close)

    assert (ours.channel_max, begin.handle_max) == (CHANNEL_MAX, HANDLE_MAX)
    assert close.error.condition == "amqp:connection:framing-error"


@pytest.mark.parametrize("channel", [0, CHANNEL_MAX + 1])
async def test_a_channel_that_is_taken_or_too_high_ends_the_connection(
    bus: LocalServiceBus, channel: int
) -> None:
    async with opened(bus) as peer:
        peer.say(Begin(None, 0, 1, 1), channel=channel)
        close = await peer.expect(Close)

    assert close.error.condition == "amqp:not-allowed"


async def test_a_channel_is_free_again_after_its_session_has_ended(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("in", source="work")
        await peer.end()
        begin = await peer.begin()
        await filled(peer, "m")

    assert begin.remote_channel == 0


# Credit


async def test_draining_without_credit_or_messages_is_answered(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("fill", to="work")
        await peer.expect(Flow)
        await peer.attach("in", source="work")
        peer.flow("in", 0, drain=True)
        empty = await peer.expect(Flow)
        peer.flow("in", 3, drain=True)
        advanced = await peer.expect(Flow)
        await peer.send("fill", message("m"))
        peer.flow("in", 2, count=3, drain=True)
        _, got = await peer.receive()
        rest = await peer.expect(Flow)

    assert [(f.delivery_count, f.link_credit, f.drain) for f in (empty, advanced, rest)] == [
        (0, 0, True),
        (3, 0, True),
        (5, 0, True),
    ]
    assert text(got) == "m"


async def test_credit_without_limit_is_taken_at_its_word(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await filled(peer, "one", "two")
        await peer.attach("in", source="work")
        peer.flow("in", 0xFFFFFFFF, incoming_window=0xFFFFFFFF)
        got = [text((await peer.receive())[1]) for _ in range(2)]
        peer.flow("in", 0xFFFFFFFF, count=2, next_incoming_id=2, incoming_window=0xFFFFFFFF)
        await peer.send("fill", message("three"))
        _, third = await peer.receive()

    assert [*got, text(third)] == ["one", "two", "three"]


async def test_credit_taken_back_before_a_message_came_holds(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("in", source="work")
        peer.flow("in", 5)
        peer.flow("in", 0)
        await filled(peer, "m")
        await peer.quiet()

    assert not [said for said in peer.heard if isinstance(said.performative, Transfer)]
    assert counts(bus) == (1, 0)


async def test_echo_is_answered_on_links_and_sessions(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("in", source="work")
        await peer.attach("out", to="work")
        await peer.expect(Flow)  # the credit to send
        answers = []
        for link, credit in (("in", 7), ("out", 0)):
            peer.flow(link, credit, echo=True)
            answers.append(await peer.expect(Flow))
        peer.say(Flow(0, 9, 0, 9, echo=True))
        answers.append(await peer.expect(Flow))

    assert [(flow.handle, flow.link_credit) for flow in answers] == [
        (0, 7),
        (1, 1000),
        (None, None),
    ]


# Windows and frames


async def test_a_session_whose_window_is_shut_gets_nothing_until_it_opens(
    bus: LocalServiceBus,
) -> None:
    async with connected(bus) as peer:
        await peer.open()
        await peer.begin(window=0)
        await filled(peer, "m")
        await peer.attach("in", source="work")
        peer.flow("in", 5, incoming_window=0)
        peer.say(Flow(0, 0, 0, 65536, echo=True))
        await peer.expect(Flow)
        shut = counts(bus)
        peer.say(Flow(0, 1, 0, 65536))
        _, got = await peer.receive()

    assert shut == (1, 0)
    assert text(got) == "m"


async def test_a_message_cut_by_the_window_goes_on_when_it_opens_and_not_after_the_link_ended(
    bus: LocalServiceBus,
) -> None:
    long = "x" * 1500
    async with connected(bus) as peer:
        await peer.open(max_frame_size=512)
        await peer.begin(window=2)
        await filled(peer, long, long)
        await peer.attach("one", source="work")
        peer.flow("one", 1, incoming_window=2)
        first = [await peer.expect_frame(Transfer) for _ in range(2)]
        peer.say(Flow(2, 65536, 0, 65536))
        rest = await peer.receive()
        peer.say(Flow(9, 0, 0, 65536))
        await peer.detach("one")
        await peer.attach("two", source="work")
        peer.flow("two", 1, incoming_window=1, next_incoming_id=9)
        await peer.expect_frame(Transfer)
        await peer.detach("two")
        peer.heard.clear()
        await peer.quiet()

    assert text(b"".join(part.payload for part in first) + rest[1]) == long
    assert not [said for said in peer.heard if isinstance(said.performative, Transfer)]


async def test_a_peer_of_the_smallest_frames_gets_nothing_larger(bus: LocalServiceBus) -> None:
    long = "x" * 2000
    nowhere = "n" * 400
    async with connected(bus) as peer:
        await peer.open(max_frame_size=512)
        peer.largest = 512
        await peer.begin()
        await filled(peer, long)
        await peer.attach("in", source="work")
        peer.flow("in", 1)
        _, got = await peer.receive()
        await peer.attach("missing", source=nowhere)
        detach = await peer.expect(Detach)

    assert text(got) == long
    assert detach.error.condition == "amqp:not-found"


async def test_a_session_ends_while_its_deliveries_wait(bus: LocalServiceBus) -> None:
    async with connected(bus) as peer:
        await peer.open(max_frame_size=512)
        await peer.begin(window=1)
        await filled(peer, "x" * 3000)
        await peer.attach("in", source="work")
        peer.flow("in", 1, incoming_window=1)
        await peer.expect_frame(Transfer)
        await peer.end()
        await peer.begin()
        peer.heard.clear()
        await peer.quiet()

    assert not [said for said in peer.heard if isinstance(said.performative, Transfer)]
    assert counts(bus) == (1, 1)


# Transfers


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


# Silence


async def test_a_peer_that_asks_for_it_hears_from_the_bus_in_time(bus: LocalServiceBus) -> None:
    async with connected(bus) as peer:
        await peer.open(idle_time_out=100)
        await peer.until(lambda: peer.heartbeats >= 2)

    assert peer.heard == []


@pytest.fixture
async def expiring(clock: ManualClock) -> Any:
    async with LocalServiceBus(CONFIG, clock=clock, expire_idle=True) as running:
        yield running


async def test_links_and_then_their_connection_end_when_nobody_uses_them(
    expiring: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(expiring) as peer:
        await filled(peer, "m")
        await peer.attach("in", source="work")
        clock.forward(seconds=400)
        await expiring.advance()
        peer.flow("in", 0)
        await peer.quiet()
        clock.forward(seconds=300)
        await expiring.advance()
        idle = await peer.expect(Detach)
        await peer.quiet()
        still = [said for said in peer.heard if isinstance(said.performative, Detach)]
        clock.forward(seconds=600)
        await expiring.advance()
        other = await peer.expect(Detach)
        clock.forward(seconds=299)
        await expiring.advance()
        await peer.quiet()
        clock.forward(seconds=11)
        await expiring.advance()
        close = await peer.expect(Close)

    assert idle.error.condition == other.error.condition == "amqp:link:detach-forced"
    assert ("fill" in idle.error.description, "in" in other.error.description) == (True, True)
    assert still == []
    assert close.error.condition == "amqp:connection:forced"


async def test_a_connection_without_a_link_ends_after_a_minute(
    expiring: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(expiring) as peer:
        clock.forward(seconds=60)
        await expiring.advance()
        close = await peer.expect(Close)

    assert close.error.condition == "amqp:connection:forced"


async def test_a_connection_without_a_token_ends_after_twenty_seconds(clock: ManualClock) -> None:
    key = AuthorizationRule("all", frozenset({"Manage", "Send", "Listen"}), "one", "two")
    async with (
        LocalServiceBus(CONFIG, clock=clock, expire_idle=True, keys=[key]) as bus,
        opened(bus) as peer,
    ):
        clock.forward(seconds=20)
        await bus.advance()
        close = await peer.expect(Close)

    assert close.error.condition == "amqp:connection:forced"


async def test_nothing_expires_unless_it_is_asked_for(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await peer.attach("in", source="work")
        clock.forward(seconds=3600)
        await bus.advance()
        await peer.quiet()

    assert not [said for said in peer.heard if isinstance(said.performative, (Detach, End, Close))]
