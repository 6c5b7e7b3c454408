"""Links, sessions and channels that come, go, and come again, in raw frames."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.limits import CHANNEL_MAX, HANDLE_MAX
from infra.local.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Coordinator,
    Detach,
    Released,
    Source,
    Target,
)
from tests.integration.servicebus_protocol.helpers import counts, filled
from tests.integration.servicebus_protocol.peer import connected, message, opened, text


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


@pytest.mark.parametrize("source", [Target("work"), Coordinator(), Source(None)])
async def test_a_receiver_whose_source_is_none_is_refused(
    bus: LocalServiceBus, source: Any
) -> None:
    """Found by fuzzing."""
    async with opened(bus) as peer:
        await peer.attach("in", source=source)
        detach = await peer.expect(Detach)
        await filled(peer, "m")

    assert detach.error.condition == "amqp:invalid-field"
