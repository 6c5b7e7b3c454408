"""Peers that want too much: what they may hold is counted, and others are still served."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import Properties, encode_message, limits
from infra.local.servicebus.amqp.connection import Connection
from infra.local.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Begin,
    Close,
    Disposition,
    Rejected,
    Transfer,
)
from infra.local.servicebus.broker import transaction
from infra.local.servicebus.server import requests
from infra.local.servicebus.server.requests import ReplyNode
from tests.integration.servicebus_protocol.conftest import CONFIG
from tests.integration.servicebus_protocol.peer import (
    Peer,
    connected,
    eventually,
    message,
    opened,
    text,
    within,
)


def connection_of(bus: LocalServiceBus, container_id: str = "raw") -> Connection:
    [client] = [client for client in bus.clients if client.container_id == container_id]
    return client.connection


async def served(bus: LocalServiceBus) -> bool:
    """Send and receive on a connection of one's own."""
    async with opened(bus, container_id="bystander") as peer:
        await peer.attach("out", to="other")
        sent = await peer.send("out", message("still served"))
        await peer.attach("in", source="other")
        peer.flow("in", 1)
        transfer, got = await peer.receive()
        await peer.settle(transfer.delivery_id or 0, Accepted())
    return (sent, text(got)) == (Accepted(), "still served")


@pytest.mark.parametrize(
    "start", [AMQP_HEADER[:3], AMQP_HEADER, SASL_HEADER, SASL_HEADER + b"\x00\x00\x00\x30"]
)
async def test_a_peer_that_does_not_open_its_connection_in_time_is_cut_off(
    bus: LocalServiceBus, start: bytes
) -> None:
    async with opened(bus, container_id="in time") as other:
        bus._core.open_within = 0.3
        async with connected(bus) as slow:
            for octet in start:
                slow.write(bytes([octet]))
                await asyncio.sleep(0)
            await slow.until_hung_up()
            remaining = {client.container_id for client in bus.clients}
            await other.quiet()

    assert remaining == {"in time"}


async def test_hundreds_of_silent_connections_keep_nobody_from_being_served() -> None:
    # Long enough for who is served, too, on a machine that has much else to do.
    async with LocalServiceBus(CONFIG, open_within=2) as bus, AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(connected(bus)) for _ in range(300)]
        for peer in crowd:
            peer.write(SASL_HEADER[:4])
        assert await served(bus)
        await asyncio.gather(*(peer.until_hung_up() for peer in crowd))
        await eventually(lambda: not bus.clients)


async def test_a_flood_of_links_ends_its_connection(
    bus: LocalServiceBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_LINKS", 300)
    async with connected(bus) as peer:
        await peer.open()
        for channel in (0, 1):
            await peer.begin(channel=channel)
            for number in range(200):
                # Refused links count until the peer lets them go.
                to = "work" if number % 2 else "nowhere"
                peer.say_attach(f"{channel} {number}", to=to, channel=channel, handle=number)
        close = await peer.expect(Close)
        assert await served(bus)
        await eventually(lambda: not bus.clients)

    assert close.error.condition == "amqp:resource-limit-exceeded"


async def test_links_that_come_and_go_leave_nothing_behind(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        for number in range(100):
            await peer.attach("link", source="work" if number % 2 else "nowhere", handle=0)
            await peer.detach("link")
        ours = connection_of(bus)
        names = len(bus._core.link_names)

    assert (ours.link_count, len(ours.sessions[0].links), names) == (0, 0, 0)


async def test_sessions_that_come_and_go_leave_nothing_behind(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        for _ in range(50):
            for channel in range(1, 20):
                peer.say(Begin(None, 0, 10, 10), channel=channel)
                peer.say_attach("in", source="work", channel=channel, handle=0)
            for channel in range(1, 20):
                await peer.end(channel=channel)
        ours = connection_of(bus)

    assert (len(ours.sessions), ours.link_count) == (1, 0)


async def test_a_delivery_without_end_is_not_kept_beyond_the_largest_message() -> None:
    limit = 64 * 1024
    async with LocalServiceBus(CONFIG, max_message_bytes=limit) as bus, opened(bus) as peer:
        await peer.attach("out", to="work")
        most = 0
        for number in range(40):
            peer.say(Transfer(0, 0, b"t", 0, False, True), b"x" * 16_000)
            await peer.quiet()
            most = max(most, connection_of(bus).incomplete_bytes)
            if number % 10 == 0:
                assert await served(bus)
        peer.say(Transfer(0, more=False), b"")
        outcome = await peer.outcome(0)
        left = connection_of(bus).incomplete_bytes

    assert isinstance(outcome, Rejected)
    assert outcome.error.condition == "amqp:link:message-size-exceeded"
    assert (most <= limit, left) == (True, 0)


async def test_many_unfinished_deliveries_end_their_connection(
    bus: LocalServiceBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_INCOMPLETE_BYTES", 500_000)
    async with opened(bus) as peer:
        for number in range(60):
            await peer.attach(f"{number}", to="work", handle=number)
        for number in range(60):
            peer.say(Transfer(number, number, b"t", 0, False, True), b"x" * 10_000)
        close = await peer.expect(Close)
        await eventually(lambda: not bus.clients)

    assert close.error.condition == "amqp:resource-limit-exceeded"


async def test_empty_frames_without_end_cost_nothing(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.attach("out", to="work")
        for _ in range(5000):
            peer.say(Transfer(0, 0, b"t", 0, False, True))
        await peer.quiet()
        held = connection_of(bus).incomplete_bytes
        peer.say(Transfer(0, more=False), message("m"))
        outcome = await peer.outcome(0)

    assert (held, outcome) == (0, Accepted())


async def test_deliveries_nobody_settles_are_remembered_up_to_a_number(
    bus: LocalServiceBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_UNSETTLED", 20)
    async with opened(bus) as peer:
        await peer.attach("out", to="work")
        for _ in range(50):
            await peer.send("out", message("m"))
        await peer.attach("in", source="work")
        peer.flow("in", 50)
        ids = [(await peer.receive())[0].delivery_id or 0 for _ in range(50)]
        remembered = len(connection_of(bus).sessions[0].unsettled)
        settled = await peer.settle(ids[-1], Accepted())

    assert (remembered, settled) == (20, Accepted())


async def test_a_peer_that_asks_and_does_not_listen_is_owed_a_bounded_number_of_bytes(
    bus: LocalServiceBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_WAITING_BYTES", 300_000)
    async with opened(bus) as peer:
        await peer.attach("out", to="work")
        await peer.send("out", message("x" * 50_000))
        await peer.attach("ask", to="work/$management")
        await peer.attach("answers", source="work/$management")
        peek = encode_message(
            properties=Properties(message_id="1", reply_to="answers"),
            application_properties={"operation": "com.microsoft:peek-message"},
            value={"from-sequence-number": 0, "message-count": 1},
        )
        asked = [peer.transfer("ask", peek) for _ in range(100)]
        outcomes = [await peer.outcome(each) for each in asked]
        [node] = [
            link.owner for link in connection_of(bus).links() if isinstance(link.owner, ReplyNode)
        ]

    accepted = [outcome for outcome in outcomes if outcome == Accepted()]
    assert len(accepted) == 6
    assert node.full


async def test_transactions_hold_a_bounded_number_of_bytes_and_end_with_their_connection(
    bus: LocalServiceBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "MAX_HELD_BYTES", 100_000)
    monkeypatch.setattr(transaction, "MAX_OPEN", 10)
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        ids = [await peer.declare() for _ in range(10)]
        eleventh = await peer.command_declare()
        outcomes = [await peer.send("out", message("x" * 20_000), state=within(txn)) for txn in ids]
        [client] = bus.clients
        held = client.transactions.open
        most = held.held_bytes
        await peer.detach("coordinator")
        timers = bus.namespace.next_deadline()

    refused = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    assert isinstance(eleventh, Rejected)
    assert (len(refused), 80_000 < most <= 100_000) == (6, True)
    assert (len(held), held.held_bytes, timers) == (0, 0, None)


async def test_a_peer_that_says_nonsense_all_the_time_is_cut_off_each_time(
    bus: LocalServiceBus,
) -> None:
    for _ in range(50):
        async with opened(bus) as peer:
            peer.say(Transfer(9, 0, b"t"))
            peer.write(b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x99\x45")
            await peer.expect(Close)
    await eventually(lambda: not bus.clients)

    assert await served(bus)


async def test_a_disposition_over_all_numbers_costs_no_more_than_what_is_unsettled(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.attach("in", source="work")
        for _ in range(2000):
            peer.say(Disposition(True, 0, 0xFFFFFFFF, True, Accepted()))
        await peer.quiet()

    assert await served(bus)


async def test_what_a_peer_that_reads_nothing_is_sent_stays_bounded(bus: LocalServiceBus) -> None:
    """It stops being served, and read, until it reads."""
    async with opened(bus) as feeder:
        await feeder.attach("out", to="work")
        big = message("x" * 200_000)
        for _ in range(60):
            feeder.transfer_in_parts("out", big)
        deaf: Peer
        async with opened(bus, container_id="deaf") as deaf:
            await deaf.attach("in", source="work")
            deaf.pause_reading()
            deaf.flow("in", 60)
            await eventually(lambda: any(client.paused for client in bus.clients))
            [client] = [client for client in bus.clients if client.container_id == "deaf"]
            waiting = client._transport.get_write_buffer_size()
            assert await served(bus)

    assert waiting < 4_000_000
