"""Credit, session windows and small frames, in raw frames."""

from __future__ import annotations

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.performatives import (
    Detach,
    Flow,
    Transfer,
)
from tests.integration.servicebus_protocol.helpers import counts, filled
from tests.integration.servicebus_protocol.peer import connected, message, opened, text


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
    nowhere = "n" * 600
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


async def test_frames_on_their_way_count_against_a_window_that_is_restated(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await filled(peer, "one", "two", "three")
        await peer.attach("in", source="work")
        peer.flow("in", 5, incoming_window=2)
        got = [text((await peer.receive())[1]) for _ in range(2)]
        peer.flow("in", 5, incoming_window=2)  # said before the two had come
        peer.say(Flow(0, 2, 0, 65536, echo=True))
        while (await peer.expect(Flow)).handle is not None:
            pass
        early = [said for said in peer.heard if isinstance(said.performative, Transfer)]
        peer.say(Flow(2, 1, 0, 65536))
        _, third = await peer.receive()

    assert (got, early, text(third)) == (["one", "two"], [], "three")
