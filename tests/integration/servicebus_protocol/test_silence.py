"""Heartbeats, and what ends when nobody uses it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.performatives import (
    Close,
    Detach,
    End,
)
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import AuthorizationRule
from tests.integration.servicebus_protocol.conftest import CONFIG
from tests.integration.servicebus_protocol.helpers import filled
from tests.integration.servicebus_protocol.peer import connected, opened


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


async def test_a_link_that_is_sent_messages_is_in_use(
    expiring: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(expiring) as peer, opened(expiring, container_id="other") as other:
        await peer.attach("in", source="work")
        peer.flow("in", 10)
        await peer.quiet()
        clock.forward(seconds=400)
        await filled(other, "m")
        await peer.receive()
        await expiring.advance()
        clock.forward(seconds=300)
        await expiring.advance()
        await peer.quiet()

    assert not [said for said in peer.heard if isinstance(said.performative, Detach)]


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
